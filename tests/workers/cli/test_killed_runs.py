"""Runs that are killed at any point and continued: nothing is lost, and nothing is done twice."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import xmp
from tests.images import jpeg
from tests.workers.cli.caption_run import COLORS, ROOT, caption

IMAGES = {f"{number}.jpg": jpeg(COLORS[number]) for number in range(2)}
FINGERPRINTS = sorted(map(xmp.fingerprint, IMAGES.values()))


def killed_runs(tmp_path: Path, step: int, *arguments: str) -> list[dict[str, Any]]:
    template = tmp_path / "template"
    (template / "images").mkdir(parents=True)
    for name, data in IMAGES.items():
        (template / "images" / name).write_bytes(data)
        (template / "images" / f"{name}.txt").write_text("no image")
    (template / "images" / "0.xmp").write_bytes(xmp.write_sidecar(None, xmp.Words(), xmp.Provenance("m", "t")).data)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.run(
        [sys.executable, "-m", "tests.workers.cli.killed_runs", template, tmp_path / "runs", str(step), *arguments],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".forge-" in path.name or "unfinished" in path.name]


def images(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("*.jpg"))


@pytest.mark.parametrize(("form", "step"), [("--write", 1), ("--sidecar", 3)])
def test_words_names_and_rows_are_each_written_once(form: str, step: int, tmp_path: Path) -> None:
    options = [form, "--skip-done", "{folder}/done", "--csv", "{folder}/a.csv", "--undo-list", "{folder}/undo"]

    runs = killed_runs(tmp_path, step, *options, "{folder}/images", "--rename", "{stem}-{filename}")

    assert len(runs) > 40 / step
    assert [run["wasKilled"] for run in runs] == [True] * (len(runs) - 1) + [False]
    for run in runs:
        folder = Path(run["folder"])
        assert run["left"] == FINGERPRINTS, "lost by the killed run"
        assert sorted(xmp.fingerprint(path.read_bytes()) for path in images(folder)) == FINGERPRINTS
        rows = list(csv.DictReader((folder / "a.csv").read_text(encoding="utf-8").splitlines()))
        assert [Path(row["path"]).name for row in rows] == sorted(IMAGES)
        assert sorted(row["filename"] for row in rows) == [path.stem for path in images(folder)]
        assert [xmp.read(path.read_bytes()).words.text(xmp.Field.ALT) != "" for path in images(folder)] == [
            form == "--write"
        ] * 2
        assert len(list((folder / "images").glob("*.jpg.xmp"))) == (0 if form == "--write" else 2)
        assert len((folder / "done").read_text().splitlines()) == 2
        assert len((folder / "undo").read_text().splitlines()) == 2
        assert leftovers(folder) == []
        assert not (folder / "images" / "0.xmp").exists(), "left behind by its image"
        assert caption("--undo", folder / "undo").code == 0
        assert {path.name for path in images(folder)} == set(IMAGES)
        assert (folder / "images" / "0.xmp").exists()


def test_without_a_state_file_the_next_run_completes_the_names(tmp_path: Path) -> None:
    runs = killed_runs(tmp_path, 2, "--write", "--undo-list", "{folder}/undo", "{folder}/images", "--rename")

    assert len(runs) > 10
    for run in runs:
        folder = Path(run["folder"])
        assert run["left"] == FINGERPRINTS
        assert leftovers(folder) == []
        assert not {path.name for path in images(folder)} & set(IMAGES)
        assert not (folder / "images" / "0.xmp").exists(), "left behind by its image"
        assert caption("--undo", folder / "undo").code == 0
        assert {path.name: xmp.fingerprint(path.read_bytes()) for path in images(folder)} == {
            name: xmp.fingerprint(data) for name, data in IMAGES.items()
        }
