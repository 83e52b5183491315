"""`python -m training --data FOLDER --work FOLDER`: train the embedded captioner on captioned photographs.

Stages: features, text, detector, pictures, reward, evidence, described, calibrate, export, evaluate. Each stores its
output in the work folder and skips what is there.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from training.datasets.captioned import NON_COMMERCIAL, read_rows, unpack
from training.evidence_run import EvidenceSources
from training.run import Scale, TrainingRun

STAGES = (
    *("features", "text", "detector", "pictures", "reward"),
    *("evidence", "described", "calibrate", "export", "evaluate"),
)
VARIANTS = {"full": frozenset[str](), "commercial": NON_COMMERCIAL}


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    # With denormals a step takes ten times as long after ten steps: see training/README.md.
    torch.set_flush_denormal(True)
    if options.quick:
        # A folder of its own: resuming would load checkpoints of another scale.
        options.work = options.work / "quick"
    images = options.work / "images"
    unpack(options.data, images)
    rows = read_rows(options.data, images, limit=12 if options.quick else None)
    scale = Scale.quick() if options.quick else Scale.for_variant(options.variant)
    excluded = VARIANTS[options.variant]
    sources = EvidenceSources(options.data, options.wild, tuple(options.described), images)
    run = TrainingRun(
        options.data,
        options.work,
        options.variant,
        excluded,
        rows,
        scale,
        options.threads,
        sources,
        options.device,
        options.quick,
    )
    for name in options.stages.split(","):
        stage: Callable[[], None] = getattr(run, name)
        start = time.monotonic()
        torch.manual_seed(len(name))
        stage()
        print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the .jsonl, .tar and .txt.gz files")
    parser.add_argument("--work", type=Path, required=True, help="folder for features and checkpoints, 7 GB")
    parser.add_argument(
        "--variant", choices=sorted(VARIANTS), default="full", help="commercial: without images for research only"
    )
    parser.add_argument("--stages", default=",".join(STAGES), help=f"some of {','.join(STAGES)}")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--wild", type=Path, help="folder with wild-train and wild-dev; default: wild, beside --data")
    parser.add_argument(
        "--described", type=Path, action="append", default=[], help="further rows.jsonl with img/; may be repeated"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of the stage evidence; default: cpu")
    parser.add_argument("--quick", action="store_true", help="smoke test: a few steps on a few images")
    options = parser.parse_args()
    unknown = set(options.stages.split(",")) - set(STAGES)
    if unknown:
        parser.error(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(STAGES)}")
    if not (options.data / "text-only.txt.gz").exists():
        parser.error(f"{options.data} holds no text-only.txt.gz; --data is the folder of the captioned photographs")
    options.wild = options.wild or options.data.resolve().parent / "wild"
    _check_described(parser, options)
    return options


def _check_described(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    files = [options.wild / "wild-dev.jsonl", *(folder / "rows.jsonl" for folder in options.described)]
    for missing in (file for file in files if not file.exists()):
        parser.error(f"there is no {missing}; --wild and --described name the folders of the images described by eye")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("this torch finds no CUDA device")


if __name__ == "__main__":
    main()
