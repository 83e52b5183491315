"""Smoke test of the training pipeline: a few steps of each stage on a few images."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.datasets.captioned import NON_COMMERCIAL, read_rows, unpack
from training.datasets.tokenized import normalize_caption, read_sentences

ROOT = Path(__file__).resolve().parents[2]
ALL_BUT_EVALUATE = "features,text,detector,pictures,reward,evidence,described,calibrate,export"


@pytest.fixture(scope="module")
def trained(data: Path, wild: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    work = tmp_path_factory.mktemp("work")
    return work, run(data, wild, work)


def run(data: Path, wild: Path, work: Path, stages: str = ALL_BUT_EVALUATE) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "training", "--data", str(data), "--work", str(work)]
    done = subprocess.run(
        [*command, "--wild", str(wild), "--quick", "--threads", "1", "--stages", stages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_it_exports_the_shipped_files(trained: tuple[Path, str]) -> None:
    work, output = trained
    shipped = work / "quick" / "full" / "export"
    assert {path.name for path in shipped.iterdir()} == {
        "model.safetensors",
        "tokenizer.json",
        "config.json",
        "evidence.safetensors",
        "evidence.json",
        "SHA256SUMS",
    }
    assert "nats a token" in output
    assert json.loads((shipped / "config.json").read_text())["revision"].startswith("full-")


def test_inference_loads_the_exported_files(trained: tuple[Path, str]) -> None:
    from PIL import Image

    from tests.workers.images import SAMPLES
    from workers.models.embedded.network import Network

    network = Network(trained[0] / "quick" / "full" / "export")
    with Image.open(SAMPLES / "cat.jpg") as file:
        import numpy as np

        image = network.encode(np.asarray(file.convert("RGB")))
    sentences = network.decode([image, image])
    first, second = (each[0] for each in sentences)
    assert first.text == second.text
    # Two equal rows of a batch may differ in their last bits.
    assert first.score == pytest.approx(second.score, abs=1e-5)
    assert first.score < 0


def test_a_completed_stage_is_skipped(trained: tuple[Path, str], data: Path, wild: Path) -> None:
    weights = trained[0] / "quick" / "full" / "reward-done.pt"
    before = weights.stat().st_mtime_ns
    run(data, wild, trained[0], "reward")
    assert weights.stat().st_mtime_ns == before


def test_validation_captions_are_held_out_of_the_text_corpus(data: Path, tmp_path: Path) -> None:
    unpack(data, tmp_path)
    rows = read_rows(data, tmp_path)
    held_out = {normalize_caption(caption) for row in rows if row.split == "val" for caption in row.captions}
    sentences = read_sentences(data, rows, commercial=False)
    assert "two men on a boat" in sentences
    assert not held_out.intersection(sentences)


def test_the_commercial_variant_reads_only_coco_sentences(data: Path, tmp_path: Path) -> None:
    unpack(data, tmp_path)
    sentences = read_sentences(data, read_rows(data, tmp_path), commercial=True)
    assert sentences
    assert all("cube" in sentence for sentence in sentences)
    assert {"flickr8k", "objects", "photo-restricted", "drawn-restricted"} == NON_COMMERCIAL


def test_a_data_folder_without_captions_is_an_error_naming_the_missing_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "--data", str(tmp_path), "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "text-only.txt.gz" in done.stderr
