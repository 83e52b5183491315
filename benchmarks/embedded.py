"""Images per second of the embedded captioner on one thread: batches of 1, 8 and 16 against one image at a time.

Printed before it: time to first result and peak memory of a new process, and the latency of a 12-megapixel photograph.
"""

import argparse
import io
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from decoding import Limits
from workers import models, pipeline
from workers.imaging.decoding import decode
from workers.models.base import Captioner, Pixels, Tagger
from workers.runtime.engine import Engine

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
SIZES = (1, 8, 16)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of five")
    rounds = 1 if arguments.parse_args().quick else 5
    console = Console()
    console.print(cold_start(rounds))
    captioner, tagger = models.create("embedded", threads=1)
    captioner.load()
    console.print(large_photograph(captioner, tagger, rounds))
    # Decoded twice, not listed twice: the cache would return the same array at no cost.
    paths = sorted(SAMPLES.glob("*.jpg")) * 2
    images = [decode(path.read_bytes(), limits=Limits(pixels=10**8)).pixels for path in paths]
    throughput(captioner, tagger, images[:1], 1)
    table = Table("batch", "images per second, median", "ratio to one at a time")
    ratios: dict[int, list[float]] = {size: [] for size in SIZES}
    speeds: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(rounds):
        single = throughput(captioner, tagger, images, 1)
        for size in SIZES:
            speed = throughput(captioner, tagger, images, size)
            speeds[size].append(speed)
            ratios[size].append(speed / single)
    for size in SIZES:
        table.add_row(str(size), f"{statistics.median(speeds[size]):.1f}", f"{statistics.median(ratios[size]):.2f}")
    console.print(table)
    print(f"embedded: {statistics.median(ratios[8]):.2f}")


def throughput(captioner: Captioner, tagger: Tagger, images: list[Pixels], size: int) -> float:
    started = time.perf_counter()
    for at in range(0, len(images), size):
        batch = images[at : at + size]
        captioner.predict(batch)
        tagger.predict(batch)
    return len(images) / (time.perf_counter() - started)


def large_photograph(captioner: Captioner, tagger: Tagger, rounds: int) -> Table:
    """Time the stages from the bytes of a 12-megapixel JPEG to its metadata, without waiting for a batch."""
    engine = Engine(captioner, tagger, batch_size=1)
    engine.load()
    data = twelve_megapixels()
    spent: dict[str, list[float]] = defaultdict(list)
    for _ in range(4 * rounds):
        started = time.perf_counter()
        stages = pipeline.describe(engine, data, limits=Limits(pixels=10**8), timeout_s=60).provenance["milliseconds"]
        whole = (time.perf_counter() - started) * 1000
        assert isinstance(stages, dict)
        for name, milliseconds in {**stages, "all": whole}.items():
            spent[name].append(milliseconds)
    table = Table("12 megapixels, one thread", *spent)
    table.add_row("milliseconds, median", *(f"{statistics.median(times):.0f}" for times in spent.values()))
    return table


def twelve_megapixels() -> bytes:
    """Return an enlarged sample with sensor noise, as JPEG."""
    image = Image.open(SAMPLES / "coffee.jpg").convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 4, (3000, 4000, 1))
    noisy = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=88)
    return file.getvalue()


def cold_start(rounds: int) -> Table:
    """Time new processes."""
    command = [sys.executable, "-m", "benchmarks._start", str(SAMPLES / "cat.jpg")]
    outputs = [subprocess.check_output(command, cwd=ROOT, text=True).split() for _ in range(rounds)]
    seconds, megabytes = (statistics.median(map(float, column)) for column in zip(*outputs, strict=True))
    table = Table("new process", "seconds to the first result", "peak memory, MB")
    table.add_row("median", f"{seconds:.1f}", f"{megabytes:.0f}")
    return table


if __name__ == "__main__":
    main()
