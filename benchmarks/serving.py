"""Images per second from upload to the last event, against the bare loop of the same engine, LitServe and BentoML.

All run the embedded captioner on one thread with batches of eight. The bare loop decodes, predicts and composes batch
after batch in one process. LitServe and BentoML serve that loop to sixteen clients, each with the best of several
longest waits. Ours serves the same photographs to sixteen clients, four per session, through upload, queue, worker and
stream. They alternate, each started for its round, because an idle server may spin; ratios are medians of the rounds.

The ends of a round count against the servers: in the first second no image has reached the models, and the last batches
are small. More images per round reduce that share.

The loop beside a spinning process shows what this machine's cores take from each other: where two are hyperthreads of
one core, whatever a service does on the second is taken from the models on the first.
"""

import argparse
import base64
import io
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks._engine import BATCH, BatchPipeline
from benchmarks._service import ROOT, make_client, make_key
from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import analyze, upload

CLIENTS = 16
IMAGES_PER_SESSION = 4
# LitServe: the longest wait for a batch to fill. BentoML: the longest time of a request, the model's included, before
# it returns 503.
LITSERVE_S = (0.0, 0.02, 0.1)
BENTOML_S = (4.0, 10.0, 30.0)
START_TIMEOUT_S = 180.0
BUSY = "bare loop, another core busy"
Throughput = Callable[[list[bytes]], float]
Server = Callable[[], AbstractContextManager[Throughput]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round, 32 images")
    arguments.add_argument("--rounds", type=int, help="default: five")
    arguments.add_argument("--images", type=int, help="per round; default: 256; the more, the less its ends count")
    options = arguments.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    images = photographs(options.images or (32 if options.quick else 256))
    loop = bare_loop()
    servers: dict[str, Server] = {"bare loop": loop, BUSY: partial(loop_beside_a_busy_core, loop), "ours": ours}
    for name, serve, waits in (("litserve", litserve, LITSERVE_S), ("bentoml", bentoml, BENTOML_S)):
        if find_spec(name) is None:
            print(f"{name} is not installed and left out: pip install -r benchmarks/serving-requirements.txt")
            continue
        servers[f"{name} {version(name)}"] = best(serve, waits, images[: 2 * CLIENTS])
    speeds = [{name: speed(start, images) for name, start in servers.items()} for _ in range(rounds)]
    table = Table("server", "images per second, median", "ratio to the bare loop, median")
    ratios = {name: statistics.median(speed[name] / speed["bare loop"] for speed in speeds) for name in servers}
    for name, ratio in ratios.items():
        table.add_row(name, f"{statistics.median(speed[name] for speed in speeds):.1f}", f"{ratio:.2f}")
    Console().print(table)
    print(f"{BUSY}: {ratios[BUSY]:.2f}")
    print(f"serving: {ratios['ours']:.2f}")


def photographs(count: int) -> list[bytes]:
    """Return the samples at 1600 by 1200 pixels, as JPEG."""
    files = []
    for path in sorted((ROOT / "samples").glob("*.jpg")):
        with Image.open(path) as image:
            file = io.BytesIO()
            image.convert("RGB").resize((1600, 1200)).save(file, "JPEG", quality=88)
            files.append(file.getvalue())
    return [files[number % len(files)] for number in range(count)]


def speed(start: Server, images: list[bytes]) -> float:
    with start() as throughput:
        return throughput(images)


def bare_loop() -> Server:
    pipeline = BatchPipeline()

    def run(images: list[bytes]) -> float:
        started = time.perf_counter()
        for at in range(0, len(images), BATCH):
            pipeline(images[at : at + BATCH])
        return len(images) / (time.perf_counter() - started)

    run(images=photographs(BATCH))
    return lambda: nullcontext(run)


@contextmanager
def loop_beside_a_busy_core(loop: Server) -> Iterator[Throughput]:
    with process(["-c", "while True: pass"], {}), loop() as throughput:
        yield throughput


@contextmanager
def ours() -> Iterator[Throughput]:
    """The embedded stack with one web server and one worker."""
    env = {"FORGE_MODELS": "embedded", "FORGE_BATCH_SIZE": str(BATCH), "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        key = make_key(Path(folder))

        def client(images: list[bytes]) -> None:
            with make_client(stack, key, timeout_s=300) as http:
                for at in range(0, len(images), IMAGES_PER_SESSION):
                    analyze_all(http, images[at : at + IMAGES_PER_SESSION])

        throughput = concurrent_clients(client)
        throughput(photographs(2 * BATCH))
        yield throughput


def analyze_all(http: httpx.Client, images: list[bytes]) -> None:
    events = analyze(http, upload(http, images))
    assert b'"complete"' in events[-1].data, events[-1].data
    assert Counter(event.type for event in events)["result"] == len(images)


def concurrent_clients(client: Callable[[list[bytes]], None]) -> Throughput:
    def run(images: list[bytes]) -> float:
        shares = [images[number::CLIENTS] for number in range(CLIENTS)]
        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, filter(None, shares)))
        return len(images) / (time.perf_counter() - started)

    return run


def best(
    serve: Callable[[float], AbstractContextManager[Throughput]], waits: Sequence[float], images: list[bytes]
) -> Server:
    """Return the server with the wait at which it was fastest."""
    speeds = {}
    for wait in waits:
        with serve(wait) as throughput:
            speeds[wait] = max(throughput(images) for _ in range(2))
    print(f"{serve.__name__}: " + ", ".join(f"{wait:g} s: {speed:.1f}" for wait, speed in speeds.items()), flush=True)
    return partial(serve, max(speeds, key=lambda wait: speeds[wait]))


@contextmanager
def litserve(wait: float) -> Iterator[Throughput]:
    port = free_port()
    with process(["-m", "benchmarks._litserve", str(port), str(wait)], {}):

        def describe(http: httpx.Client, image: bytes) -> httpx.Response:
            return http.post(f"http://127.0.0.1:{port}/predict", files={"content": image})

        yield when_ready(describe)


@contextmanager
def bentoml(wait: float) -> Iterator[Throughput]:
    port = free_port()
    env = {"WAIT_MS": str(round(wait * 1000)), "BENTOML_DO_NOT_TRACK": "1"}
    serve = ["-m", "bentoml", "serve", "benchmarks._bentoml:CaptionService", "--host", "127.0.0.1", "--port", str(port)]
    with process(serve, env):

        def describe(http: httpx.Client, image: bytes) -> httpx.Response:
            body = {"images": [base64.b64encode(image).decode()]}
            return http.post(f"http://127.0.0.1:{port}/describe", json=body)

        yield when_ready(describe)


@contextmanager
def process(arguments: list[str], env: dict[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        started = psutil.Popen(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log
        )
        try:
            yield
        except AssertionError:
            log.seek(0)
            print(log.read().decode()[-3000:], file=sys.stderr)
            raise
        finally:
            children = started.children(recursive=True)
            started.terminate()
            started.wait(60)
            # LitServe's workers outlive their parent, and spin.
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def when_ready(describe: Callable[[httpx.Client, bytes], httpx.Response]) -> Throughput:
    """Wait for the server, and return its throughput with concurrent clients."""
    sample = photographs(1)[0]
    deadline = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(timeout=60, trust_env=False) as http:
        while True:
            try:
                if describe(http, sample).is_success:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the server does not respond"
            time.sleep(0.5)

    def client(images: list[bytes]) -> None:
        with httpx.Client(timeout=300, trust_env=False) as http:
            for image in images:
                response = describe(http, image)
                assert response.is_success, response.text

    throughput = concurrent_clients(client)
    throughput(photographs(2 * BATCH))
    return throughput


if __name__ == "__main__":
    main()
