"""What batching in the worker gives: images a second through the whole service against one image at a time.

The scripted model stands for one that takes 40 ms a batch and 10 ms an image. Both ways run in turn, and the ratio is
the median of the rounds' ratios. Before it: what the batcher adds to the model for an image that comes alone.
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

from benchmarks._service import client_of, key_of
from decoding import Limits
from forge.stack import Stack
from tests.e2e.client import analyze, colored_images, upload
from workers import models, pipeline
from workers.imaging.decoding import decode
from workers.runtime.engine import Engine

COST = {"delay_ms": 40, "delay_ms_per_image": 10}
JOB = 100  # images
ALONE = 25  # images: one at a time needs no more to be known


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round instead of five")
    rounds = 1 if arguments.parse_args().quick else 5
    table = Table("round", "one at a time, img/s", "service, img/s", "ratio")
    ratios = []
    with service() as http:
        served(http)  # The first job of a process pays for what the next ones find ready.
        for number in range(1, rounds + 1):
            slow, fast = one_at_a_time(), served(http)
            ratios.append(fast / slow)
            table.add_row(str(number), f"{slow:.1f}", f"{fast:.1f}", f"{fast / slow:.2f}")
    Console().print(table)
    print(f"a lone image, nothing else under way: {added_latency():.2f} ms more than the model takes")
    print(f"batching: {statistics.median(ratios):.2f}")


@contextmanager
def service() -> Iterator[httpx.Client]:
    """The embedded stack with one worker and the model above."""
    env = {"FORGE_MODELS": "scripted", "FORGE_SCRIPT": json.dumps(COST), "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        with client_of(stack, key_of(Path(folder))) as http:
            yield http


def one_at_a_time() -> float:
    """Images a second of the same model with batches of one, in this process, without queue or HTTP."""
    engine = Engine(*models.create("scripted", **COST), batch_size=1)
    engine.load()
    started = time.perf_counter()
    for picture in colored_images(ALONE):
        pipeline.describe(engine, picture, limits=Limits(pixels=10**8), timeout_s=60)
    elapsed = time.perf_counter() - started
    engine.close()
    return ALONE / elapsed


def added_latency() -> float:
    """Milliseconds, the median of images that come one by one, each when the last is done."""
    engine = Engine(*models.create("scripted", **COST), batch_size=8)
    engine.load()
    pixels = decode(colored_images(1)[0], limits=Limits(pixels=10**8)).pixels
    added = []
    for _ in range(ALONE):
        started = time.perf_counter()
        sighting = engine.describe(pixels, timeout_s=60)
        added.append((time.perf_counter() - started) * 1000 - sum(sighting.milliseconds.values()))
    engine.close()
    return statistics.median(added)


def served(http: httpx.Client) -> float:
    """Images a second from the POST of `analyze` to the end of its stream."""
    session = upload(http, colored_images(JOB))
    started = time.perf_counter()
    events = analyze(http, session)
    assert events[-1].type == "complete"
    return JOB / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
