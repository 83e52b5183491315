"""Images a second from upload to the last event, against the bare loop of the same engine and against two servers.

One engine everywhere: the captioner that ships, one thread, batches of eight. The bare loop decodes, predicts and
composes batch after batch in one process. LitServe and BentoML serve that loop to sixteen clients, each with several
longest waits of which the best counts. Ours takes the same photographs from sixteen clients, four a session, through
upload, queue, worker and stream. All ways run in turn, each started for its turn, because a server that waits may spin;
ratios are medians of the rounds'.

A round's ends count against the servers: in the first second nothing has come to the models yet, and in the last the
batches are small. More images a round tell more of a service that is never without work.

The loop beside a process that only spins tells what this machine's cores take from each other: where two are threads of
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

from benchmarks._engine import BATCH, Words
from benchmarks._service import ROOT, client_of, key_of
from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import analyze, upload

CLIENTS = 16
SESSION = 4  # images
# The longest that LitServe waits for a batch to fill; the longest that BentoML lets a request take, the model's own
# time included, before it answers 503.
LITSERVE_S = (0.0, 0.02, 0.1)
BENTOML_S = (4.0, 10.0, 30.0)
PATIENCE_S = 180.0
BUSY = "bare loop, another core busy"
Way = Callable[[list[bytes]], float]
Server = Callable[[], AbstractContextManager[Way]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one round, 32 images")
    arguments.add_argument("--rounds", type=int, help="default: five")
    arguments.add_argument("--images", type=int, help="in each round; default: 256; the more, the less its ends count")
    told = arguments.parse_args()
    rounds, images = (told.rounds or (1 if told.quick else 5), told.images or (32 if told.quick else 256))
    pictures = photographs(images)
    loop = bare_loop()
    ways: dict[str, Server] = {"bare loop": loop, BUSY: partial(beside_a_busy_core, loop), "ours": ours}
    for name, serve, waits in (("litserve", litserve, LITSERVE_S), ("bentoml", bentoml, BENTOML_S)):
        if find_spec(name) is None:
            print(f"{name} is not installed and left out: pip install -r benchmarks/serving-requirements.txt")
            continue
        ways[f"{name} {version(name)}"] = best(serve, waits, pictures[: 2 * CLIENTS])
    speeds = [{name: speed(start, pictures) for name, start in ways.items()} for _ in range(rounds)]
    table = Table("way", "images a second, median", "ratio to the bare loop, median")
    ratios = {name: statistics.median(speed[name] / speed["bare loop"] for speed in speeds) for name in ways}
    for name, ratio in ratios.items():
        table.add_row(name, f"{statistics.median(speed[name] for speed in speeds):.1f}", f"{ratio:.2f}")
    Console().print(table)
    print(f"serving: {ratios['ours']:.2f} ({BUSY}: {ratios[BUSY]:.2f})")


def photographs(count: int) -> list[bytes]:
    """The samples at 1,600 pixels, as a shop would send them."""
    files = []
    for path in sorted((ROOT / "samples").glob("*.jpg")):
        with Image.open(path) as picture:
            file = io.BytesIO()
            picture.convert("RGB").resize((1600, 1200)).save(file, "JPEG", quality=88)
            files.append(file.getvalue())
    return [files[number % len(files)] for number in range(count)]


def speed(start: Server, pictures: list[bytes]) -> float:
    with start() as way:
        return way(pictures)


def bare_loop() -> Server:
    words = Words()

    def run(pictures: list[bytes]) -> float:
        begun = time.perf_counter()
        for at in range(0, len(pictures), BATCH):
            words(pictures[at : at + BATCH])
        return len(pictures) / (time.perf_counter() - begun)

    run(pictures=photographs(BATCH))
    return lambda: nullcontext(run)


@contextmanager
def beside_a_busy_core(loop: Server) -> Iterator[Way]:
    with process(["-c", "while True: pass"], {}), loop() as way:
        yield way


@contextmanager
def ours() -> Iterator[Way]:
    """The embedded stack with one web server and one worker."""
    env = {"FORGE_MODELS": "embedded", "FORGE_BATCH_SIZE": str(BATCH), "REDIS_URL": None, "DATABASE_URL": None}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        key = key_of(Path(folder))

        def client(pictures: list[bytes]) -> None:
            with client_of(stack, key, timeout_s=300) as http:
                for at in range(0, len(pictures), SESSION):
                    described(http, pictures[at : at + SESSION])

        way = by_clients(client)
        way(photographs(2 * BATCH))
        yield way


def described(http: httpx.Client, pictures: list[bytes]) -> None:
    events = analyze(http, upload(http, pictures))
    assert b'"complete"' in events[-1].data, events[-1].data
    assert Counter(event.type for event in events)["result"] == len(pictures)


def by_clients(client: Callable[[list[bytes]], None]) -> Way:
    def run(pictures: list[bytes]) -> float:
        shares = [pictures[number::CLIENTS] for number in range(CLIENTS)]
        begun = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, filter(None, shares)))
        return len(pictures) / (time.perf_counter() - begun)

    return run


def best(
    serve: Callable[[float], AbstractContextManager[Way]], waits: Sequence[float], pictures: list[bytes]
) -> Server:
    """With the wait of which it was quickest."""
    speeds = {}
    for wait in waits:
        with serve(wait) as way:
            speeds[wait] = max(way(pictures) for _ in range(2))
    print(f"{serve.__name__}: " + ", ".join(f"{wait:g} s: {speed:.1f}" for wait, speed in speeds.items()), flush=True)
    return partial(serve, max(speeds, key=lambda wait: speeds[wait]))


@contextmanager
def litserve(wait: float) -> Iterator[Way]:
    port = free_port()
    with process(["-m", "benchmarks._litserve", str(port), str(wait)], {}):

        def describe(http: httpx.Client, picture: bytes) -> httpx.Response:
            return http.post(f"http://127.0.0.1:{port}/predict", files={"content": picture})

        yield answering(describe)


@contextmanager
def bentoml(wait: float) -> Iterator[Way]:
    port = free_port()
    env = {"WAIT_MS": str(round(wait * 1000)), "BENTOML_DO_NOT_TRACK": "1"}
    serve = ["-m", "bentoml", "serve", "benchmarks._bentoml:Service", "--host", "127.0.0.1", "--port", str(port)]
    with process(serve, env):

        def describe(http: httpx.Client, picture: bytes) -> httpx.Response:
            body = {"pictures": [base64.b64encode(picture).decode()]}
            return http.post(f"http://127.0.0.1:{port}/describe", json=body)

        yield answering(describe)


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
            family = started.children(recursive=True)
            started.terminate()
            started.wait(60)
            # LitServe's workers outlive their parent, and spin.
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()


def answering(describe: Callable[[httpx.Client, bytes], httpx.Response]) -> Way:
    """Once the server answers."""
    sample = photographs(1)[0]
    deadline = time.monotonic() + PATIENCE_S
    with httpx.Client(timeout=60, trust_env=False) as http:
        while True:
            try:
                if describe(http, sample).is_success:
                    break
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.5)

    def client(pictures: list[bytes]) -> None:
        with httpx.Client(timeout=300, trust_env=False) as http:
            for picture in pictures:
                answer = describe(http, picture)
                assert answer.is_success, answer.text

    way = by_clients(client)
    way(photographs(2 * BATCH))
    return way


if __name__ == "__main__":
    main()
