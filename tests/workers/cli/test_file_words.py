"""`manage.py caption` with words in files: writing, leaving out, and going on."""

import csv
import json
from pathlib import Path

import pytest

import xmp
from tests.workers.cli.caption_run import caption
from tests.xmp.exif_images import with_exif
from xmp.exif import Tag


def alt(path: Path) -> str:
    return xmp.read(path.read_bytes()).words.text(xmp.Field.ALT)


def test_words_are_written_into_the_files_and_shown(folder: Path) -> None:
    run = caption("--json", "--write", folder)

    assert (run.code, run.stderr.splitlines()[-1].split(",")[0]) == (0, "6 done")
    assert [alt(folder / f"{number}.jpg") for number in range(6)] == [one["metadata"]["alt"] for one in run.records]
    shown = caption("--show", folder / "0.jpg").records[0]
    assert shown["words"]["alt"] == {"x-default": run.records[0]["metadata"]["alt"]}
    assert shown["models"]["alt"] == "scripted-captioner@1"


def test_a_second_run_skips_what_is_done_also_under_another_name(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "done.txt"
    assert len(caption("--json", "--write", "--skip-done", state, folder / "0.jpg", folder / "1.jpg").paths) == 2
    (folder / "1.jpg").rename(folder / "moved.jpg")

    run = caption("--json", "--write", "--skip-done", state, folder)

    assert [Path(path).name for path in run.paths] == ["2.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert "4 done, 2 skipped, 0 failed" in run.stderr


def test_files_with_words_are_left_out(folder: Path) -> None:
    caption("--write", folder / "0.jpg")
    caption("--sidecar", folder / "1.jpg")

    assert len(caption("--json", "--only-empty", folder).paths) == 4


def test_a_dry_run_prints_the_changes_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}

    run = caption("--write", "--dry-run", "--csv", tmp_path / "a.csv", "--skip-done", tmp_path / "s", folder)

    assert f"{folder}/0.jpg: alt: «» → «" in run.stdout
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert (tmp_path / "s").read_text() == ""


def test_a_sidecar_leaves_the_file_alone(folder: Path) -> None:
    before = (folder / "0.jpg").read_bytes()

    (record,) = caption("--json", "--sidecar", folder / "0.jpg").records

    words = xmp.read_sidecar((folder / "0.jpg.xmp").read_bytes()).words
    assert (words.text(xmp.Field.ALT), (folder / "0.jpg").read_bytes()) == (record["metadata"]["alt"], before)


def test_csv_files_have_a_row_for_each_image_and_for_each_to_review(folder: Path, tmp_path: Path) -> None:
    run = caption("--json", "--csv", tmp_path / "all.csv", "--review", tmp_path / "review.csv", folder)

    rows = list(csv.DictReader((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["path"], row["alt"]) for row in rows] == [(one["path"], one["metadata"]["alt"]) for one in run.records]
    review = list(csv.DictReader((tmp_path / "review.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["path"] for row in review] == [one["path"] for one in run.records if one["needsReview"]]


def test_csv_files_have_no_formula(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for number, name in enumerate(("=1+1.jpg", " =2.jpg", "@a.jpg")):
        (folder / f"{number}.jpg").rename(name)

    caption("--csv", tmp_path / "a.csv", "=1+1.jpg", " =2.jpg", "@a.jpg")

    rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["path"] for row in rows] == ["'=1+1.jpg", "' =2.jpg", "'@a.jpg"]


@pytest.mark.parametrize("harm", ["read-only", "broken"])
def test_a_file_that_cannot_be_written_is_named_and_left_as_it_is(folder: Path, harm: str, tmp_path: Path) -> None:
    path, state = folder / "2.jpg", tmp_path / "done.txt"
    if harm == "read-only":
        path.chmod(0o444)
    else:
        path.write_bytes(b"\xff\xd8\xff\xe1\0\x24http://ns.adobe.com/xap/1.0/\0<x><" + path.read_bytes()[2:])
    before = path.read_bytes()

    run = caption("--json", "--write", "--skip-done", state, folder)

    assert run.code == 1
    assert f"{path}: " in run.stderr
    assert "5 done, 0 skipped, 1 failed" in run.stderr
    assert path.read_bytes() == before
    assert len(state.read_text().splitlines()) == 5


def test_output_is_still_json_a_line(folder: Path) -> None:
    assert all(json.loads(line) for line in caption("--json", "--write", folder).stdout.splitlines())


def test_words_of_exif_are_shown_counted_and_kept(folder: Path) -> None:
    texts: dict[int, bytes] = {Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"}
    (folder / "0.jpg").write_bytes(with_exif(texts))
    (folder / "1.jpg").write_bytes(with_exif({Tag.USER_COMMENT: b"ASCII\0\0\0By a person"}))
    (folder / "2.jpg").write_bytes(with_exif({Tag.IMAGE_DESCRIPTION: b"OLYMPUS DIGITAL CAMERA"}))
    broken = with_exif(texts)
    (folder / "3.jpg").write_bytes(b"\xff\xd8\xff\xe1\0\x23http://ns.adobe.com/xap/1.0/\0<x><" + broken[2:])

    shown = caption("--show", folder / "0.jpg").records[0]["words"]
    left = caption("--json", "--only-empty", folder)
    written = caption("--write", folder / "0.jpg", folder / "1.jpg", folder / "2.jpg")

    assert shown == {"description": {"x-default": "Grandmother in Bern"}}
    assert [Path(path).name for path in left.paths] == ["2.jpg", "4.jpg", "5.jpg"]
    assert "2 had words" in written.stderr
    words = [xmp.read((folder / f"{number}.jpg").read_bytes()).words for number in range(3)]
    assert [one.text(xmp.Field.DESCRIPTION) for one in words[:2]] == ["Grandmother in Bern", "By a person"]
    assert words[2].text(xmp.Field.DESCRIPTION)


def test_a_sidecar_keeps_and_counts_the_words_of_its_file(folder: Path) -> None:
    (folder / "0.jpg").write_bytes(with_exif({Tag.IMAGE_DESCRIPTION: b"Grandmother in Bern"}))

    run = caption("--sidecar", folder)

    assert "1 had words" in run.stderr
    words = xmp.read_sidecar((folder / "0.jpg.xmp").read_bytes()).words
    assert words.text(xmp.Field.DESCRIPTION) == "Grandmother in Bern"
