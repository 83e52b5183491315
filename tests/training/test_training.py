"""The whole of training, in small: a few steps on a handful of pictures, to know that it still runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.datasets.captioned import NON_COMMERCIAL, read_rows, unpack
from training.datasets.tokenized import clean, read_sentences

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    work = tmp_path_factory.mktemp("work")
    return work, run(data, work)


def run(data: Path, work: Path, stages: str = "features,text,detector,pictures,reward,calibrate,export") -> str:
    command = [sys.executable, "-W", "ignore", "-m", "training", "--data", str(data), "--work", str(work)]
    done = subprocess.run(
        [*command, "--quick", "--threads", "1", "--stages", stages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_it_ends_with_the_files_that_ship(trained: tuple[Path, str]) -> None:
    work, told = trained
    shipped = work / "quick" / "full" / "export"
    assert {path.name for path in shipped.iterdir()} == {
        "model.safetensors",
        "tokenizer.json",
        "config.json",
        "SHA256SUMS",
    }
    assert "nats a token" in told
    assert json.loads((shipped / "config.json").read_text())["revision"].startswith("full-")


def test_the_product_reads_what_training_wrote(trained: tuple[Path, str]) -> None:
    from PIL import Image

    from tests.workers.images import SAMPLES
    from workers.models.embedded.network import Network

    network = Network(trained[0] / "quick" / "full" / "export")
    with Image.open(SAMPLES / "cat.jpg") as picture:
        import numpy as np

        look = network.look(np.asarray(picture.convert("RGB")))
    told = network.tell([look, look])
    assert told[0] == told[1]
    assert told[0].score < 0


def test_what_is_done_is_not_done_again(trained: tuple[Path, str], data: Path) -> None:
    kept = trained[0] / "quick" / "full" / "reward-done.pt"
    before = kept.stat().st_mtime_ns
    run(data, trained[0], "reward")
    assert kept.stat().st_mtime_ns == before


def test_validation_captions_are_not_among_the_sentences_to_learn(data: Path, tmp_path: Path) -> None:
    unpack(data, tmp_path)
    rows = read_rows(data, tmp_path)
    hidden = {clean(caption) for row in rows if row.split == "val" for caption in row.captions}
    sentences = read_sentences(data, rows, commercial=False)
    assert "two men on a boat" in sentences
    assert not hidden.intersection(sentences)


def test_the_commercial_variant_reads_coco_s_sentences_alone(data: Path, tmp_path: Path) -> None:
    unpack(data, tmp_path)
    sentences = read_sentences(data, read_rows(data, tmp_path), commercial=True)
    assert sentences
    assert all("cube" in sentence for sentence in sentences)
    assert {"flickr8k", "objects"} == NON_COMMERCIAL


def test_a_folder_without_photographs_says_what_it_wants(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training", "--data", str(tmp_path), "--work", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "text-only.txt.gz" in done.stderr
