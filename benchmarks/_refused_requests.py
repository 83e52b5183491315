"""Hostile requests to a real service, and whether another caller is still served after each of them."""

import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx
import psutil

from benchmarks._memory import MB
from benchmarks._service import make_client, make_key
from forge.stack import Stack
from tests.e2e.client import analyze, colored_images, submit, upload
from tests.images import jpeg

V1 = "/image-forge-api/v1"
TIMEOUT_S = 60.0
_REFUSED = {0, 408, 413, 414, 429, 431, 503}  # 0: closed without a response


@dataclass(frozen=True)
class RequestOutcome:
    """`statuses`: of the hostile requests, with their number. `served_s`: what another caller then waited."""

    name: str
    statuses: Counter[int]
    accepted: frozenset[int]
    seconds: float
    megabytes: float
    threads: int
    served_s: float | None

    @property
    def is_fault(self) -> bool:
        return self.served_s is None or not set(self.statuses) <= self.accepted


class Attacker:
    def __init__(self, stack: Stack, key: str, *, quick: bool) -> None:
        address = urlsplit(stack.urls[0])
        self.address = (address.hostname or "", address.port or 80)
        self.key = key
        self.factor = 1 if quick else 10
        self.job = ""

    def cases(self) -> Iterator[tuple[str, frozenset[int], Iterable[int]]]:
        """Yield name, accepted statuses and a lazy run of each kind."""
        anonymous, some = frozenset(_REFUSED), frozenset({*_REFUSED, 200, 201})
        form = "Content-Type: multipart/form-data; boundary=b"
        endless = [b"a" * 2**16] * (50 * self.factor)
        line, headers = b"GET /", _head("GET", "/healthz")[:-2] + b"X-A: "
        body = _head("POST", f"{V1}/sessions/upload", form, "Content-Length: 100000000")
        yield "readiness", frozenset({200}), self.at_once(40 * self.factor, _head("GET", "/readyz"))
        yield "endless request line", anonymous, self.at_once(1, line, endless)
        yield "endless headers", anonymous, self.at_once(1, headers, endless)
        yield "large body without a key", anonymous, self.at_once(8, body, [bytes(2**20)] * 10)
        yield "silent connections", anonymous, self.at_once(20 * self.factor, b"GET /he")
        stream = _head("GET", f"{V1}/jobs/{self.job}/events", f"X-API-Key: {self.key}")
        yield "streams at one moment", some, self.at_once(50 * self.factor, stream)
        yield "uploads of 100 files", some, self.at_once(4 if self.factor == 1 else 16, *self.tiny_files())

    def tiny_files(self) -> tuple[bytes, list[bytes]]:
        part = b'--b\r\nContent-Disposition: form-data; name="images[]"; filename="a.jpg"\r\n\r\n'
        form = (part + jpeg(size=(2, 2)) + b"\r\n") * 100 + b"--b--\r\n"
        lines = ("Content-Type: multipart/form-data; boundary=b", f"Content-Length: {len(form)}")
        return _head("POST", f"{V1}/sessions/upload", *lines, f"X-API-Key: {self.key}"), [form]

    def at_once(self, count: int, head: bytes, pieces: Iterable[bytes] = ()) -> Iterator[int]:
        pieces = list(pieces)
        with ThreadPoolExecutor(min(count, 400)) as pool:
            yield from pool.map(lambda _: self.send(head, pieces), range(count))

    def send(self, head: bytes, pieces: Iterable[bytes]) -> int:
        received = b""
        with suppress(OSError), socket.create_connection(self.address, timeout=TIMEOUT_S) as connection:
            with suppress(ConnectionError):
                for piece in (head, *pieces):
                    connection.sendall(piece)
            while chunk := connection.recv(2**16):
                received = (received + chunk)[:64]
        return int(received.split()[1]) if received else 0


def request_outcomes(*, quick: bool) -> Iterator[RequestOutcome]:
    """Send each kind of hostile requests to a new service."""
    env: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None, "DATABASE_URL": None}
    if quick:
        env |= {"FORGE_HEADER_WAIT_S": "1"}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=env) as stack:
        stack.wait_ready()
        attacker = Attacker(stack, make_key(Path(folder), account="attacker"), quick=quick)
        with (
            make_client(stack, make_key(Path(folder), account="other"), timeout_s=30) as other,
            make_client(stack, attacker.key) as own,
        ):
            attacker.job = submit(own, upload(own, colored_images(1)))
            web = psutil.Process(stack.processes["web-1"].pid)
            for name, accepted, statuses in attacker.cases():
                with _Peak(web) as peak:
                    started = time.perf_counter()
                    found = Counter(statuses)
                    seconds = time.perf_counter() - started
                yield RequestOutcome(name, found, accepted, seconds, peak.megabytes, peak.threads, served(other))


def served(http: httpx.Client) -> float | None:
    """Return the seconds of an upload and its analysis; None where they failed."""
    started = time.perf_counter()
    try:
        events = analyze(http, upload(http, colored_images(1)))
    except (httpx.HTTPError, AssertionError):
        return None
    return time.perf_counter() - started if events and events[-1].type == "complete" else None


class _Peak:
    """The most threads, and the megabytes beyond those at first, that a process has meanwhile."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._first = process.memory_info().rss
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.megabytes, self.threads = 0.0, 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, (self._process.memory_info().rss - self._first) / MB)
            self.threads = max(self.threads, self._process.num_threads())
            if self._stopped.wait(0.02):
                return


def _head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode()
