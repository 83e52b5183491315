"""Images a second by number of worker processes, and processor time of an image by process, on PostgreSQL and Valkey.

The scripted model sleeps 40 ms a batch and 10 ms an image, as a GPU would; batches of 8. The ratio is that of the
largest number of workers to its ideal. Processor time is what compares between machines; images a second depend on the
processors that are free: with --slowness the model is so many times slower, so that a few suffice for many workers.
--delay-ms delays what PostgreSQL and Valkey receive and what they send: a round trip takes twice as long.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks._delays import DelayedStack, delayed
from benchmarks._service import ROOT, make_client, make_key
from benchmarks.capacity import Sample, cpu_seconds, sample
from forge.stack import Stack
from tests.e2e.client import analyze_body, upload
from tests.images import noisy_jpeg
from tests.postgres import Cluster, throwaway

BATCH = 8
SESSION_IMAGES = 16
PROCESSES = ("web", "worker", "valkey", "postgres")
_BATCH_MS, _IMAGE_MS = 40, 10
_ENV = {"FORGE_MODELS": "scripted", "FORGE_BATCH_SIZE": str(BATCH), "REDIS_URL": None}
_SPAN = (
    "SELECT count(*), extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY finished_at)"
    " - percentile_disc(0.1) WITHIN GROUP (ORDER BY finished_at)) FROM forge_imageanalysis WHERE status = 'succeeded'"
)
_DEADLINE_S = 600


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one worker, 64 images")
    arguments.add_argument("--workers", default="1,2,4,8,16", help="numbers of worker processes")
    arguments.add_argument("--images", type=int, default=256, help="images for each worker")
    arguments.add_argument("--slowness", type=float, default=1, help="of the model, in times")
    arguments.add_argument("--delay-ms", type=float, default=0, help="of what the servers receive and send")
    given = arguments.parse_args()
    ideal = BATCH / (_BATCH_MS + _IMAGE_MS * BATCH) * 1000 / given.slowness  # images a second of one worker
    counts = [1] if given.quick else [int(count) for count in given.workers.split(",")]
    images = 64 if given.quick else given.images
    table = Table(
        "workers", "images/s", "of the ideal", *(f"{name}, ms" for name in PROCESSES), "cores", "transactions"
    )
    parts: dict[str, float] = {}
    efficiency = 0.0
    for workers in counts:
        with throwaway() as cluster:
            rate, cost, parts = measure(cluster, workers, images * workers, parts, given)
        efficiency = rate / (ideal * workers)
        cells = (f"{1000 * cost[name]:.1f}" for name in PROCESSES)
        cores = rate * sum(cost[name] for name in PROCESSES)
        ratios = f"{cores:.2f}", f"{cost['commits']:.1f}"
        table.add_row(str(workers), f"{rate:.1f}", f"{efficiency:.2f}", *cells, *ratios)
        print(f"{workers} workers: {rate:.1f} images/s, {cost}", file=sys.stderr, flush=True)
    Console().print(table)
    of_parts = Table("part of a worker, in one thread", "processor time of an image, ms")
    for part, spent in parts.items():
        of_parts.add_row(part, f"{spent:.2f}")
    Console().print(of_parts)
    print(f"scale: {efficiency:.2f}")


def measure(
    cluster: Cluster, workers: int, images: int, parts: dict[str, float], given: argparse.Namespace
) -> tuple[float, dict[str, float], dict[str, float]]:
    """Return images a second, the cost of an image, and `parts`, measured where it is empty.

    The cost is processor seconds by process, and committed transactions.
    """
    script = {"delay_ms": _BATCH_MS * given.slowness, "delay_ms_per_image": _IMAGE_MS * given.slowness}
    with contextlib.ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="image-forge-scale-"))
        url = opened.enter_context(delayed(cluster.url, given.delay_ms)) if given.delay_ms else cluster.url
        env = {**_ENV, "FORGE_SCRIPT": json.dumps(script), "DATABASE_URL": url}
        delayed_stack = DelayedStack(Path(folder), port=0, workers=workers, env=env, report=print)
        delayed_stack.delay_ms = given.delay_ms
        with delayed_stack as stack:
            stack.wait_ready(300)
            key = make_key(stack.data, database=cluster.url)
            before = sample_all(stack, cluster)
            with make_client(stack, key) as http:
                files = [noisy_jpeg((400, 300)) for _ in range(SESSION_IMAGES)]
                sessions = [upload(http, files) for _ in range(max(1, images // SESSION_IMAGES))]
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(partial(submit, http), sessions))
            done, seconds = wait_done(cluster, len(sessions) * SESSION_IMAGES)
            after = sample_all(stack, cluster)
            parts = parts or measure_parts(stack, cluster)
    cost = {name: (getattr(after, name) - getattr(before, name)) / done for name in (*PROCESSES, "commits")}
    return 0.8 * done / seconds, cost, parts


def submit(http: httpx.Client, session: dict[str, Any]) -> None:
    path = f"sessions/{session['sessionId']}/analyze"
    http.post(path, json=analyze_body(session), headers={"Accept": "application/json"}).raise_for_status()


def sample_all(stack: Stack, cluster: Cluster) -> Sample:
    """Take a sample whose worker time is that of all workers."""
    taken = sample(stack, cluster)
    of_workers = [process.pid for name, process in stack.processes.items() if name.startswith("worker")]
    taken.worker = sum(cpu_seconds(pid) for pid in of_workers)
    return taken


def wait_done(cluster: Cluster, images: int) -> tuple[int, float]:
    """Return how many images succeeded, and the seconds in which all but the first and the last tenth did.

    Without those: then jobs are still submitted, and batches are not full.
    """
    deadline = time.monotonic() + _DEADLINE_S
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            done, seconds = connection.execute(_SPAN).fetchone() or (0, None)
            if done >= images:
                return int(done), float(seconds)
            time.sleep(0.5)
    raise AssertionError(f"{images} images were not analyzed within {_DEADLINE_S} s")


def measure_parts(stack: Stack, cluster: Cluster) -> dict[str, float]:
    redis_url = (stack.data / "redis.url").read_text().strip()
    variables = {
        **os.environ, "FORGE_DATA": str(stack.data), "FORGE_MODELS": "scripted", "FORGE_DEFAULT_QUEUE": "parts",
        "DATABASE_URL": cluster.url, "REDIS_URL": redis_url,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks._parts", "100"]
    output = subprocess.check_output(command, cwd=ROOT, env=variables, text=True)
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
