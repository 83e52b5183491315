"""Micro-batching: images per second through the whole service against one image at a time.

The scripted model simulates 40 ms per batch and 10 ms per image. The two alternate, and the ratio is the median over
the rounds. Printed before it: the latency that the batcher adds to a lone image.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks._service import make_client, make_key
from decoding import Limits
from forge.stack import Stack
from tests.e2e.client import analyze, colored_images, upload
from workers import models, pipeline
from workers.imaging.decoding import decode
from workers.runtime.engine import Engine

COST = {"delay_ms": 40, "delay_ms_per_image": 10}
JOB = 100  # images
SINGLE_IMAGES = 25  # enough for one at a time


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of five")
    rounds = 1 if arguments.parse_args().quick else 5
    table = Table("round", "one at a time, img/s", "service, img/s", "ratio")
    ratios = []
    with service() as http:
        service_throughput(http)  # warm-up
        for number in range(1, rounds + 1):
            slow, fast = single_throughput(), service_throughput(http)
            ratios.append(fast / slow)
            table.add_row(str(number), f"{slow:.1f}", f"{fast:.1f}", f"{fast / slow:.2f}")
    Console().print(table)
    print(f"a lone image, nothing else under way: {added_latency():.2f} ms more than the model takes")
    print(f"batching: {statistics.median(ratios):.2f}")


@contextmanager
def service() -> Iterator[httpx.Client]:
    """A client of the embedded stack with one worker and the model above."""
    env = {"FORGE_MODELS": "scripted", "FORGE_SCRIPT": json.dumps(COST), "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        with make_client(stack, make_key(Path(folder))) as http:
            yield http


def single_throughput() -> float:
    """Return images per second of the same model with batches of one, in this process, without queue and HTTP."""
    engine = Engine(*models.create("scripted", **COST), batch_size=1)
    engine.load()
    started = time.perf_counter()
    for image in colored_images(SINGLE_IMAGES):
        pipeline.describe(engine, image, limits=Limits(pixels=10**8), timeout_s=60)
    elapsed = time.perf_counter() - started
    engine.close()
    return SINGLE_IMAGES / elapsed


def added_latency() -> float:
    """Return the median milliseconds over images that come one by one, each after the last."""
    engine = Engine(*models.create("scripted", **COST), batch_size=8)
    engine.load()
    pixels = decode(colored_images(1)[0], limits=Limits(pixels=10**8)).pixels
    added = []
    for _ in range(SINGLE_IMAGES):
        started = time.perf_counter()
        sighting = engine.describe(pixels, timeout_s=60)
        added.append((time.perf_counter() - started) * 1000 - sum(sighting.milliseconds.values()))
    engine.close()
    return statistics.median(added)


def service_throughput(http: httpx.Client) -> float:
    """Return images per second from the POST of `analyze` to the end of its stream."""
    session = upload(http, colored_images(JOB))
    started = time.perf_counter()
    events = analyze(http, session)
    assert events[-1].type == "complete"
    return JOB / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
