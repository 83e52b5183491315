"""Concurrent clients that upload, analyse and read event streams, and count what they receive.

As the contract requires, a refused request is retried and a broken stream is resumed after the last event, at another
web server.
"""

import asyncio
import json
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import httpx

from tests.e2e.client import StreamEvent, analyze_body, aparse_events, colored_images

IMAGES = 25  # per job, unless a generator has its own number
JOBS_PER_SESSION = 4
RETRY_S = 0.3
# The server sends a keep-alive every 15 s.
READ_TIMEOUT_S = 40.0


@dataclass
class LoadCounts:
    """`missing`, `duplicated` and `out_of_order` events; `unfinished` images: with no outcome, or with two."""

    jobs: int = 0
    images: int = 0
    missing: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    unfinished: int = 0
    refused: int = 0
    resumed: int = 0
    longest_silence_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> int:
        return self.missing + self.duplicated + self.out_of_order + self.unfinished

    def __add__(self, other: "LoadCounts") -> "LoadCounts":
        both = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return LoadCounts(**{**both, "longest_silence_s": max(self.longest_silence_s, other.longest_silence_s)})

    def count(self, events: list[StreamEvent], images: set[str]) -> None:
        ids = [event.id for event in events]
        self.jobs += 1
        self.images += len(images)
        self.missing += len(set(range(1, 2 * len(images) + 2)) - set(ids))
        self.duplicated += len(ids) - len(set(ids))
        self.out_of_order += sum(after < before for before, after in pairwise(ids))
        outcomes = Counter(json.loads(event.data)["imageId"] for event in events if event.type in {"result", "error"})
        self.unfinished += sum(outcomes[image] != 1 for image in images) + len(set(outcomes) - images)
        self.failures += Counter(json.loads(event.data)["code"] for event in events if event.type == "error")


class LoadGenerator:
    """`clients` clients from `start` to `finish`, in a thread: the caller polls the processes."""

    def __init__(
        self,
        urls: list[str],
        key: str,
        *,
        clients: int,
        least_jobs: int,
        images: int = IMAGES,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.counts = LoadCounts()
        self.events = 0
        self.running: dict[str, float] = {}  # job → time of its last event
        self._urls = urls
        self._key = key
        self._tls = tls
        self._clients = clients
        self.images = images
        self._least_jobs = least_jobs
        self._started_jobs = 0
        self._finishing = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run_in_thread, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Start no further jobs than `least_jobs`; streams of running jobs are read to their end."""
        self._finishing.set()

    @property
    def finished(self) -> bool:
        """Raise the error that ended the clients early, if any."""
        if self._error:
            raise self._error
        return not self._thread.is_alive()

    def _run_in_thread(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - `finished` raises it in the caller's thread
            self._error = error

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(
            headers={"X-API-Key": self._key},
            timeout=READ_TIMEOUT_S,
            limits=limits,
            verify=self._tls or True,
            trust_env=False,
        ) as http:
            await asyncio.gather(*(_Client(self, http, number).run() for number in range(self._clients)))

    def start_job(self) -> bool:
        """Count another job and return True, unless enough were started."""
        if self._finishing.is_set() and self._started_jobs >= self._least_jobs:
            return False
        self._started_jobs += 1
        return True

    def url(self, number: int, path: str) -> str:
        return f"{self._urls[number % len(self._urls)]}/image-forge-api/v1/{path}"


class _Client:
    def __init__(self, load: LoadGenerator, http: httpx.AsyncClient, number: int) -> None:
        self._load = load
        self._http = http
        self._number = number
        self._requests = number  # round robin over the web servers

    async def run(self) -> None:
        session: dict[str, Any] = {}
        jobs = 0
        while self._load.start_job():
            if jobs % JOBS_PER_SESSION == 0:
                session = await self._upload(jobs)
            await self._job(session)
            jobs += 1

    async def _upload(self, number: int) -> dict[str, Any]:
        count = self._load.images
        images = colored_images(count, count * (self._number + number))
        files = [("images[]", (f"photo{n}.jpg", data, "image/jpeg")) for n, data in enumerate(images)]
        while True:
            try:
                response = await self._http.post(self._next_url("sessions/upload"), files=files)
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code == 201:
                body: dict[str, Any] = response.json()
                return body
            await self._count_refusal(response)

    async def _job(self, session: dict[str, Any]) -> None:
        events: list[StreamEvent] = []
        job = await self._submit(session, events)
        while not (events and events[-1].type == "complete"):
            self._load.counts.resumed += 1
            await asyncio.sleep(RETRY_S)
            last = {"Last-Event-ID": str(events[-1].id)} if events else {}
            if await self._read(events, "GET", f"jobs/{job}/events", headers=last) is None:
                break  # 204: all events were sent, and are counted below
        self._load.running.pop(job, None)
        self._load.counts.count(events, {image["id"] for image in session["images"]})

    async def _submit(self, session: dict[str, Any], events: list[StreamEvent]) -> str:
        """Return the job's id; `events` then has those of the POST's own stream."""
        path = f"sessions/{session['sessionId']}/analyze"
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        while True:
            job = await self._read(events, "POST", path, json=analyze_body(session), headers=headers)
            if job:
                return job
            await asyncio.sleep(RETRY_S)

    async def _read(self, events: list[StreamEvent], method: str, path: str, **request: Any) -> str | None:
        """Read a stream until it ends or breaks. Return the job's id, "" where none began, None after the end (204)."""
        job = ""
        try:
            async with self._http.stream(method, self._next_url(path), **request) as response:
                if response.status_code == 409 and json.loads(await response.aread())["code"] == "conflict":
                    # The first POST was accepted, and its response lost: the image has the job's id.
                    return await self._job_id(request["json"])
                if response.status_code != 200:
                    return None if response.status_code == 204 else await self._count_refusal(response)
                job = response.headers["X-Job-Id"]
                await self._follow(job, events, aparse_events(response.aiter_raw()))
        except httpx.TransportError:
            pass
        return job

    async def _follow(self, job: str, events: list[StreamEvent], stream: AsyncIterator[StreamEvent]) -> None:
        load = self._load
        load.running.setdefault(job, time.monotonic())
        async for event in stream:
            now = time.monotonic()
            load.counts.longest_silence_s = max(load.counts.longest_silence_s, now - load.running[job])
            load.running[job] = now
            load.events += 1
            events.append(event)

    async def _job_id(self, body: dict[str, Any]) -> str:
        path = f"sessions/{body['sessionId']}/images/{body['images'][0]['id']}"
        response = await self._http.get(self._next_url(path))
        return str(response.json().get("jobId", "")) if response.status_code == 200 else ""

    async def _count_refusal(self, response: httpx.Response | None) -> str:
        """Count a refusal and wait. Any status but "try again later" is an error of the clients or the service."""
        if response is not None and response.status_code not in {409, 429, 503}:
            raise AssertionError(f"{response.status_code}: {(await response.aread())[:300]!r}")
        self._load.counts.refused += 1
        await asyncio.sleep(RETRY_S)
        return ""

    def _next_url(self, path: str) -> str:
        self._requests += 1
        return self._load.url(self._requests, path)
