"""A vision server behind the service: images per second against a bare asyncio loop of the same requests.

The server's model takes some seconds an image, four at a time, as FORGE_VISION_CONCURRENCY is by default. The loop
sends requests that are ready: it decodes, encodes and stores nothing. The service is measured from the POST of
`analyze` to the end of its stream. The two alternate; the ratio is the median over the rounds.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks._service import ROOT, make_client, make_key
from benchmarks.serving import photographs
from decoding import Limits
from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import analyze, upload
from workers.imaging.decoding import decode
from workers.models.options import Options
from workers.models.prompting import template
from workers.models.vision_server.jpeg import encode
from workers.models.vision_server.writer import MAX_TOKENS
from workers.pipeline import WRITING_SIDE

CONCURRENCY = 4


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round of 24 images instead of three of 100")
    arguments.add_argument("--seconds", type=float, default=1.0, help="of the model; default: %(default)s")
    arguments.add_argument("--images", type=int, help="per round")
    arguments.add_argument("--rounds", type=int)
    given = arguments.parse_args()
    images = photographs(given.images or (24 if given.quick else 100))
    rounds = given.rounds or (1 if given.quick else 3)
    table = Table("round", "bare loop, img/s", "service, img/s", "ratio")
    ratios = []
    with model(given.seconds) as url, service(url) as http:
        bodies = [request_body(image) for image in images[:10]]
        service_throughput(http, images[: 2 * CONCURRENCY])  # warm-up
        for number in range(1, rounds + 1):
            bare = asyncio.run(loop_throughput(url, bodies, len(images)))
            ours = service_throughput(http, images)
            ratios.append(ours / bare)
            table.add_row(str(number), f"{bare:.3f}", f"{ours:.3f}", f"{ours / bare:.3f}")
    Console().print(table)
    print(f"vision: {statistics.median(ratios):.3f}")


@contextmanager
def model(seconds: float) -> Iterator[str]:
    """The address of a vision server in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks._vision_model", str(port), str(seconds), str(CONCURRENCY)]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/models", trust_env=False)
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def service(url: str) -> Iterator[httpx.Client]:
    """A client of the embedded stack with one worker on the vision server."""
    env: dict[str, str | None] = {
        "FORGE_MODELS": "vision-server",
        "FORGE_VISION_URL": url,
        "FORGE_VISION_MODEL": "model",
        "FORGE_VISION_CONCURRENCY": str(CONCURRENCY),
        "REDIS_URL": None,
        "DATABASE_URL": None,
    }
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        with make_client(stack, make_key(Path(folder))) as http:
            yield http


def request_body(image: bytes) -> dict[str, Any]:
    """Return the request that a worker sends for the image."""
    options = Options()
    jpeg = encode(decode(image, limits=Limits(pixels=10**8), max_side=WRITING_SIDE).pixels)
    return {
        "model": "model",
        "messages": template.messages(jpeg, options),
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "response_format": template.response_format(options),
    }


async def loop_throughput(url: str, bodies: list[dict[str, Any]], count: int) -> float:
    """Return images per second of concurrent requests, nothing else."""
    waiting = iter([bodies[number % len(bodies)] for number in range(count)])
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:

        async def send() -> None:
            for body in waiting:
                (await http.post(f"{url}/chat/completions", json=body)).raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CONCURRENCY)))
        return count / (time.perf_counter() - started)


def service_throughput(http: httpx.Client, images: list[bytes]) -> float:
    session = upload(http, images)
    started = time.perf_counter()
    events = analyze(http, session)
    elapsed = time.perf_counter() - started
    assert sum(event.type == "result" for event in events) == len(images), events[-1].data
    return len(images) / elapsed


if __name__ == "__main__":
    main()
