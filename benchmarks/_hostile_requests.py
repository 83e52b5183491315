"""Requests that cost their sender little: what they cost a running service, and other accounts.

Each function measures one kind on a service of its own and returns rows of (kind, figure).
"""

import json
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks._memory import peak_mb, reset_peak
from benchmarks._service import make_client, make_key, manage
from forge.stack import Stack
from tests import images
from tests.hostile.corpus import CASES

Row = tuple[str, str]
_FORM = {"Content-Type": "application/json"}
_ADD_ROWS = """
from forge.models import Image, Session
from tests.forge.job_factory import session_without_files
from forge.models import Account
account = Account.objects.get(name="bench")
"""


@contextmanager
def _service(**env: str | None) -> Iterator[Stack]:
    variables: dict[str, str | None] = {"FORGE_MODELS": "scripted", "REDIS_URL": None, "DATABASE_URL": None, **env}
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), port=0, env=variables) as stack:
        stack.wait_ready()
        yield stack


def counted_first(*, quick: bool) -> Iterator[Row]:
    """A body of 1 MB full of empty objects."""
    with _service() as stack, make_client(stack, make_key(stack.data)) as client:
        session = _upload(client).json()
        body = b'{"images":[' + b",".join([b"{}"] * (34_000 if quick else 340_000)) + b"]}"
        pid = stack.processes["web-1"].pid
        reset_peak(pid)
        before, started = peak_mb(pid), time.perf_counter()
        response = client.post(f"sessions/{session['sessionId']}/analyze", content=body, headers=_FORM)
        seconds = time.perf_counter() - started
        size = len(response.content)
        yield (
            f"{len(body) // 1000} kB of empty objects",
            f"{response.status_code} of {size} bytes in {seconds:.2f} s, +{peak_mb(pid) - before:.0f} MB",
        )


def slow_files(*, quick: bool) -> Iterator[Row]:
    """Files of some kB that decode for FORGE_DECODE_SECONDS, sent by an account without credits."""
    slow, count = CASES["jpeg: 20,000 scans of 50 megapixels"](), 4 if quick else 12
    with _service() as stack:
        key = make_key(stack.data)
        other = make_key(stack.data, account="mallory", credits=0)
        statuses: Counter[int] = Counter()

        def send() -> None:
            with make_client(stack, other, timeout_s=300) as sender:
                statuses[_upload(sender, slow).status_code] += 1

        with make_client(stack, key, timeout_s=300) as client, ThreadPoolExecutor(count) as pool:
            _upload(client)
            sent = [pool.submit(send) for _ in range(count)]
            time.sleep(1)
            waits = [_timed(partial(_upload, client)) for _ in range(3)]
            started = time.perf_counter()
            for future in sent:
                future.result()
        yield f"another account's uploads beside {count} slow files", ", ".join(f"{wait:.2f} s" for wait in waits)
        yield "the slow files", f"{dict(statuses)}, {time.perf_counter() - started + sum(waits):.0f} s in all"


def submit_and_cancel(*, quick: bool) -> Iterator[Row]:
    """Jobs of all of an account's credits, each cancelled at once; no worker is in time for them."""
    with _service() as stack, make_client(stack, make_key(stack.data, credits=179)) as client:
        stack.processes["worker-1"].stop()
        session = _upload(client, *[images.jpeg()] * 100).json()
        statuses: Counter[int] = Counter()
        deadline = time.monotonic() + (5 if quick else 20)
        while time.monotonic() < deadline:
            accepted = _analyze(client, session)
            statuses[accepted.status_code] += 1
            if accepted.status_code == 202:
                client.post(f"jobs/{accepted.json()['jobId']}/cancel")
        with sqlite3.connect(stack.data / "db.sqlite3") as database:
            (rows,) = database.execute("SELECT COUNT(*) FROM forge_creditentry").fetchone()
        yield f"{5 if quick else 20} s of submitting and cancelling", f"{rows} ledger rows; answers {dict(statuses)}"


def expiry(*, quick: bool) -> Iterator[Row]:
    """One sweep over expired sessions."""
    count = 300 if quick else 2_000
    code = f"""{_ADD_ROWS}
import time
from datetime import timedelta
from django.utils import timezone
from forge.sessions import expiry
for _ in range({count}):
    session_without_files(account, 1)
Session.objects.update(expires_at=timezone.now() - timedelta(hours=1))
started = time.perf_counter()
print(expiry.sessions_sweep(), time.perf_counter() - started)
"""
    with tempfile.TemporaryDirectory() as folder:
        manage(Path(folder), "migrate", "-v0")
        make_key(Path(folder))
        removed, seconds = manage(Path(folder), "shell", "-v0", "-c", code).split()[-2:]
        yield f"one sweep over {count} expired sessions", f"{removed} removed in {float(seconds):.1f} s"


def large_session(*, quick: bool) -> Iterator[Row]:
    """One image more for a session that is almost full, and an analysis of one of its images."""
    count = 2_000 if quick else 9_900
    with _service() as stack, make_client(stack, make_key(stack.data)) as client:
        code = f"{_ADD_ROWS}\nprint(session_without_files(account, {count}).pk)"
        pk = manage(stack.data, "shell", "-v0", "-c", code).split()[-1]
        for what, call in {
            "adding an image": partial(_upload, client, address=f"sessions/{pk}/images"),
            "reading it": partial(client.get, f"sessions/{pk}"),
        }.items():
            seconds = min(_timed(call) for _ in range(3))
            yield f"{what} of a session of {count} images", f"{1000 * seconds:.0f} ms"


def writers(*, quick: bool) -> Iterator[Row]:
    """Clients that upload, analyze and wait, all at once, on SQLite."""
    count, rounds = (50, 2) if quick else (300, 3)
    with _service() as stack:
        key = make_key(stack.data)
        seconds: list[float] = []
        statuses: Counter[int] = Counter()
        lock = threading.Lock()

        def record(call: Callable[[], httpx.Response]) -> httpx.Response:
            started = time.perf_counter()
            response = call()
            with lock:
                seconds.append(time.perf_counter() - started)
                statuses[response.status_code] += 1
            return response

        def work(_: int) -> None:
            with make_client(stack, key, timeout_s=300) as client:
                for _ in range(rounds):
                    uploaded = record(partial(_upload, client))
                    if uploaded.status_code == 201:
                        record(partial(_analyze, client, uploaded.json()))

        started = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, range(count)))
        took = time.perf_counter() - started
        seconds.sort()
        p50, p99 = (seconds[int(share * len(seconds))] for share in (0.5, 0.99))
        figures = f"p50 {p50:.1f} s, p99 {p99:.1f} s, most {seconds[-1]:.1f} s, {len(seconds) / took:.0f} a second"
        yield f"{count} clients on SQLite, {len(seconds)} writing requests", f"{figures}; {dict(statuses)}"


def _timed(call: Callable[[], httpx.Response]) -> float:
    started = time.perf_counter()
    response = call()
    assert response.is_success, response.text
    return time.perf_counter() - started


def _upload(client: httpx.Client, *files: bytes, address: str = "sessions/upload") -> httpx.Response:
    named = [("images[]", ("a.jpg", file, "image/jpeg")) for file in files or (images.jpeg(),)]
    return client.post(address, files=named)


def _analyze(client: httpx.Client, session: dict[str, Any]) -> httpx.Response:
    body = json.dumps({"images": session["images"]})
    return client.post(
        f"sessions/{session['sessionId']}/analyze", content=body, headers={**_FORM, "Accept": "application/json"}
    )


KINDS = (counted_first, slow_files, submit_and_cancel, expiry, large_session, writers)
