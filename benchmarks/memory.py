"""Memory of a worker and its models' process, while the whole service describes the same 64 photographs ten times.

BLIP-base and CLIP ViT-B/32 with random weights of the real size. The last line is what both hold after the last round
against what they held after the second, when everything has been used once: 1 where nothing leaks.
"""

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from transformers.utils import logging as library_logging

from benchmarks._service import ROOT, client_of, key_of, peak_mb
from forge.stack import Stack
from tests.e2e.client import analyze, upload
from tests.workers.blip_checkpoints import save_blip_base
from tests.workers.clip_checkpoints import save_clip_base
from workers.models.checkpoints.store import BLIP, CLIP

MB = 2**20


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="three rounds of 8 photographs")
    arguments.add_argument("--precision", default="auto", help="auto, fp32, bf16 or int8; default: %(default)s")
    told = arguments.parse_args()
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    rounds, images = (3, 8) if told.quick else (10, 64)
    with service(told.precision) as stack:
        table, held = measured(stack, rounds, images)
        log = (stack.logs / "worker-1.log").read_text().splitlines()
        print(next(line for line in log if "BLIP runs in" in line))
    Console(width=100).print(table)
    print(f"memory: {held[-1] / held[1]:.3f}")


@contextmanager
def service(precision: str) -> Iterator[Stack]:
    """With one web server and one worker."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        save_blip_base(models / BLIP)
        save_clip_base(models / CLIP)
        env: dict[str, str | None] = {
            "FORGE_MODELS": "blip-clip",
            "FORGE_MODELS_DIR": str(models),
            "FORGE_PRECISION": precision,
            "REDIS_URL": None,
            "DATABASE_URL": None,
        }
        with Stack(Path(folder) / "data", port=0, env=env) as stack:
            stack.wait_ready(600)
            yield stack


def measured(stack: Stack, rounds: int, images: int) -> tuple[Table, list[float]]:
    """The second: MB that the worker holds after each round."""
    table = Table("round", "both, MB", "at most, MB", "seconds", "succeeded", "failed")
    worker = psutil.Process(stack.processes["worker-1"].pid)
    family = [worker, *worker.children()]
    pictures, held = photographs(images), []
    with client_of(stack, key_of(stack.data), timeout_s=600) as http:
        for number in track(range(1, rounds + 1), "rounds", console=Console(stderr=True)):
            begun = time.monotonic()
            ends = Counter(event.type for event in analyze(http, upload(http, pictures)))
            held.append(sum(one.memory_info().rss for one in family) / MB)
            row = [held[-1], sum(peak_mb(one.pid) for one in family), time.monotonic() - begun]
            table.add_row(str(number), *(f"{value:.0f}" for value in row), str(ends["result"]), str(ends["error"]))
    return table, held


def photographs(count: int) -> list[bytes]:
    """Windows of the samples, each another one."""
    paths = sorted((ROOT / "samples").glob("*.jpg"))
    files = []
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as picture:
            width, height = picture.size
            step = number // len(paths)
            box = (step * width // 40, step * height // 50, width - step * width // 60, height - step * height // 45)
            file = io.BytesIO()
            picture.convert("RGB").crop(box).save(file, "JPEG", quality=88)
            files.append(file.getvalue())
    return files


if __name__ == "__main__":
    main()
