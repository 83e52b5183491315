"""Memory of a worker and its model process while the service describes the same 64 photographs ten times.

BLIP-base and CLIP ViT-B/32 with random weights of the real size. The last line is the resident memory of both after the
last round against that after the second, when everything has been used once: 1 without a leak.
"""

import argparse
import io
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from transformers.utils import logging as library_logging

from benchmarks._memory import peak_mb, resident_mb
from benchmarks._service import ROOT, make_client, make_key
from forge.stack import Stack
from tests.e2e.client import analyze, upload
from tests.workers.blip_checkpoints import save_blip_base
from tests.workers.clip_checkpoints import save_clip_base
from workers.models.checkpoints.store import BLIP, CLIP


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="three rounds of 8 photographs")
    arguments.add_argument("--precision", default="auto", help="auto, fp32, bf16 or int8; default: %(default)s")
    options = arguments.parse_args()
    library_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    rounds, images = (3, 8) if options.quick else (10, 64)
    with service(options.precision) as stack:
        table, resident = measure(stack, rounds, images)
        log = (stack.logs / "worker-1.log").read_text().splitlines()
        print(next(line for line in log if "BLIP runs in" in line))
    Console(width=100).print(table)
    print(f"memory: {resident[-1] / resident[1]:.3f}")


@contextmanager
def service(precision: str) -> Iterator[Stack]:
    """The embedded stack with one web server and one worker."""
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


def measure(stack: Stack, rounds: int, images: int) -> tuple[Table, list[float]]:
    """Return a table, and the resident MB of the worker and its model process after each round."""
    table = Table("round", "both, MB", "at most, MB", "seconds", "succeeded", "failed")
    worker = stack.processes["worker-1"].pid
    files: list[bytes] = photographs(images)
    resident: list[float] = []
    with make_client(stack, make_key(stack.data), timeout_s=600) as http:
        for number in track(range(1, rounds + 1), "rounds", console=Console(stderr=True)):
            started = time.monotonic()
            counts = Counter(event.type for event in analyze(http, upload(http, files)))
            resident.append(resident_mb(worker))
            row = [resident[-1], peak_mb(worker), time.monotonic() - started]
            table.add_row(str(number), *(f"{value:.0f}" for value in row), str(counts["result"]), str(counts["error"]))
    return table, resident


def photographs(count: int) -> list[bytes]:
    """Return different crops of the samples, as JPEG."""
    paths = sorted((ROOT / "samples").glob("*.jpg"))
    files = []
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as image:
            width, height = image.size
            step = number // len(paths)
            box = (step * width // 40, step * height // 50, width - step * width // 60, height - step * height // 45)
            file = io.BytesIO()
            image.convert("RGB").crop(box).save(file, "JPEG", quality=88)
            files.append(file.getvalue())
    return files


if __name__ == "__main__":
    main()
