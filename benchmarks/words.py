"""Words for described images, scored: right, partly, wrong or empty, by kind; times; a contact sheet to look at.

DATA holds wild-dev.jsonl and wild-dev.tar, SCORER is score_words.py: neither is part of this repository. The last line
is the share of images whose main thing is named rightly. Another --set, of labels or captions without kinds, is scored
by its labels or by caption metrics, without a scorer.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from benchmarks._calibration import Scored, fitted, reliability, review_threshold
from benchmarks._validation_scores import validation_scores
from decoding import Limits
from workers import models, pipeline
from workers.cli.output import caption_record, format_json
from workers.models.ocr import create_reader
from workers.runtime.engine import Engine

LIMITS = Limits(pixels=10**8)


def main() -> None:
    options = _options()
    names = _names(options.data / f"{options.set}.jsonl")[: 24 if options.quick else None]
    with TemporaryDirectory() as folder:
        words = options.output or Path(folder) / "words.jsonl"
        milliseconds = _describe(options.data / f"{options.set}.tar", frozenset(names), words)
        if not _is_described(options):
            for name, value in validation_scores(options.data / f"{options.set}.jsonl", words).items():
                print(f"{options.set}, {len(names)} images: {name} {value:.1f}")
            return
        scored = _score(options, words)
        rows = _scored(options, words)
    print(scored)
    for stage, spent in milliseconds.items():
        print(f"{stage:8}{statistics.median(spent):7.0f} ms, median of {len(spent)}")
    if options.calibrate:
        _print_calibration(rows)
    right = re.search(r"^all\s+\d+\s+(\d+)%", scored, re.MULTILINE)
    print(f"words: {int(right[1]) / 100 if right else 0:.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with wild-dev.jsonl and wild-dev.tar")
    parser.add_argument("--scorer", type=Path, help="score_words.py; for sets with kinds")
    parser.add_argument("--set", default="wild-dev", help="name of the files in DATA; default: %(default)s")
    parser.add_argument("--output", type=Path, help="keep the words in this file")
    parser.add_argument("--per-image", action="store_true", help="a line for each image")
    parser.add_argument("--calibrate", action="store_true", help="fit composing/drafts/confidence.py, with its table")
    parser.add_argument("--quick", action="store_true", help="24 images")
    options: argparse.Namespace = parser.parse_args()
    if options.scorer is None and _is_described(options):
        parser.error(f"{options.set} has kinds: --scorer is needed.")
    return options


def _is_described(options: argparse.Namespace) -> bool:
    """Return whether the set's rows have a kind."""
    with (options.data / f"{options.set}.jsonl").open(encoding="utf-8") as rows:
        return "kind" in json.loads(next(rows))


def _score(options: argparse.Namespace, words: Path) -> str:
    command = [sys.executable, options.scorer, options.data / f"{options.set}.jsonl", words]
    flags = ["--per-image"] if options.per_image else []
    return subprocess.run([*command, *flags], check=True, text=True, stdout=subprocess.PIPE).stdout


def _scored(options: argparse.Namespace, words: Path) -> list[Scored]:
    """Return the verdicts with the produced kinds."""
    command = [sys.executable, options.scorer, options.data / f"{options.set}.jsonl", words, "--json", "--per-image"]
    output = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    verdicts = {row["image"]: row["verdict"] for row in json.loads(output[: output.rindex("}") + 1])["images"]}
    produced = map(json.loads, words.read_text(encoding="utf-8").splitlines())
    return [Scored(row["kind"], row["confidence"], verdicts[row["path"]]) for row in produced]


def _print_calibration(rows: list[Scored]) -> None:
    print("CALIBRATION =", fitted(rows))
    print("REVIEW_BELOW =", review_threshold(rows))
    print(*reliability(rows), sep="\n")


def _names(rows: Path) -> list[str]:
    return [json.loads(line)["image"] for line in rows.read_text(encoding="utf-8").splitlines()]


def _describe(archive: Path, names: frozenset[str], words: Path) -> dict[str, list[float]]:
    """Write a line for each image; return the milliseconds of each stage, of those that took any."""
    engine = Engine(*models.create("embedded", threads=1), batch_size=1)
    engine.load()
    reader = create_reader("auto")
    milliseconds: dict[str, list[float]] = {}
    with words.open("w", encoding="utf-8") as file:
        for name, data in track(_files(archive, names), description="words", total=len(names)):
            analysis = pipeline.describe(engine, data, limits=LIMITS, timeout_s=60, reader=reader)
            record = caption_record(name, analysis, filename=analysis.composed.filename, model="embedded")
            file.write(format_json(record) + "\n")
            for stage, spent in analysis.milliseconds.items():
                if spent > 1:
                    milliseconds.setdefault(stage, []).append(spent)
    engine.close()
    return milliseconds


def _files(archive: Path, names: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if name in names and (file := tar.extractfile(member)):
                yield name, file.read()


if __name__ == "__main__":
    main()
