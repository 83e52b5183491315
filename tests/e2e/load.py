"""Clients that upload, analyse and read streams for as long as they are told to, and count what they were sent.

They behave as the contract asks: a refused request is repeated, a broken stream is taken up after the last event, at
another web server.
"""

import asyncio
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import httpx

from tests.e2e.client import SentEvent, amessages, analyze_body, colors

IMAGES = 25  # a job
JOBS_PER_SESSION = 4
PAUSE_S = 0.3
# The server says something every 15 s.
SILENCE_S = 40.0


@dataclass
class Tally:
    """What the clients saw; `missing`, `doubled` and `disordered` events, `unended` images with no or two ends."""

    jobs: int = 0
    images: int = 0
    missing: int = 0
    doubled: int = 0
    disordered: int = 0
    unended: int = 0
    refused: int = 0
    resumed: int = 0
    longest_silence_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def wrong(self) -> int:
        return self.missing + self.doubled + self.disordered + self.unended

    def __add__(self, other: "Tally") -> "Tally":
        both = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return Tally(**{**both, "longest_silence_s": max(self.longest_silence_s, other.longest_silence_s)})

    def count(self, events: list[SentEvent], images: set[str]) -> None:
        ids = [event.id for event in events]
        self.jobs += 1
        self.images += len(images)
        self.missing += len(set(range(1, 2 * len(images) + 2)) - set(ids))
        self.doubled += len(ids) - len(set(ids))
        self.disordered += sum(after < before for before, after in pairwise(ids))
        ends = Counter(json.loads(event.data)["imageId"] for event in events if event.type in {"result", "error"})
        self.unended += sum(ends[image] != 1 for image in images) + len(set(ends) - images)
        self.failures += Counter(json.loads(event.data)["code"] for event in events if event.type == "error")


class Load:
    """`clients` clients from `start` to `finish`, in a thread beside the caller, who looks after the processes."""

    def __init__(self, urls: list[str], key: str, *, clients: int, least_jobs: int) -> None:
        self.tally = Tally()
        self.events = 0
        self.running: dict[str, float] = {}  # job → when its stream was last heard
        self._urls = urls
        self._key = key
        self._clients = clients
        self._least_jobs = least_jobs
        self._begun = 0
        self._finishing = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, name="load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """No further jobs than `least_jobs`; those under way are read to their end."""
        self._finishing.set()

    @property
    def finished(self) -> bool:
        """Raises what has ended the clients too early."""
        if self._error:
            raise self._error
        return not self._thread.is_alive()

    def _guarded(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that asks
            self._error = error

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(
            headers={"X-API-Key": self._key}, timeout=SILENCE_S, limits=limits, trust_env=False
        ) as http:
            await asyncio.gather(*(_Client(self, http, number).run() for number in range(self._clients)))

    def take_job(self) -> bool:
        """Whether another job is to be begun."""
        if self._finishing.is_set() and self._begun >= self._least_jobs:
            return False
        self._begun += 1
        return True

    def address(self, turn: int, path: str) -> str:
        return f"{self._urls[turn % len(self._urls)]}/image-forge-api/v1/{path}"


class _Client:
    def __init__(self, load: Load, http: httpx.AsyncClient, number: int) -> None:
        self._load = load
        self._http = http
        self._number = number
        self._turn = number  # which web server is asked next

    async def run(self) -> None:
        session: dict[str, Any] = {}
        jobs = 0
        while self._load.take_job():
            if jobs % JOBS_PER_SESSION == 0:
                session = await self._upload(jobs)
            await self._job(session)
            jobs += 1

    async def _upload(self, number: int) -> dict[str, Any]:
        pictures = colors(IMAGES, IMAGES * (self._number + number))
        files = [("images[]", (f"photo{n}.jpg", data, "image/jpeg")) for n, data in enumerate(pictures)]
        while True:
            try:
                answer = await self._http.post(self._address("sessions/upload"), files=files)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 201:
                body: dict[str, Any] = answer.json()
                return body
            await self._refused(answer)

    async def _job(self, session: dict[str, Any]) -> None:
        events: list[SentEvent] = []
        job = await self._submit(session, events)
        while not (events and events[-1].type == "complete"):
            self._load.tally.resumed += 1
            await asyncio.sleep(PAUSE_S)
            last = {"Last-Event-ID": str(events[-1].id)} if events else {}
            if await self._read(events, "GET", f"jobs/{job}/events", headers=last) is None:
                break  # It says that all was sent; the count below tells.
        self._load.running.pop(job, None)
        self._load.tally.count(events, {image["id"] for image in session["images"]})

    async def _submit(self, session: dict[str, Any], events: list[SentEvent]) -> str:
        """The job's id, as soon as one is known; `events` has then what the POST's own stream brought."""
        path = f"sessions/{session['sessionId']}/analyze"
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        while True:
            job = await self._read(events, "POST", path, json=analyze_body(session), headers=headers)
            if job:
                return job
            await asyncio.sleep(PAUSE_S)

    async def _read(self, events: list[SentEvent], method: str, path: str, **request: Any) -> str | None:
        """Reads a stream until it ends or breaks; the job's id, "" where it did not begin, None where it is over."""
        job = ""
        try:
            async with self._http.stream(method, self._address(path), **request) as answer:
                if answer.status_code == 409 and json.loads(await answer.aread())["code"] == "conflict":
                    # The first POST was accepted, and its answer lost: the image names its job.
                    return await self._job_of(request["json"])
                if answer.status_code != 200:
                    return None if answer.status_code == 204 else await self._refused(answer)
                job = answer.headers["X-Job-Id"]
                await self._follow(job, events, amessages(answer.aiter_raw()))
        except httpx.TransportError:
            pass
        return job

    async def _follow(self, job: str, events: list[SentEvent], stream: AsyncIterator[SentEvent]) -> None:
        load = self._load
        load.running.setdefault(job, time.monotonic())
        async for event in stream:
            now = time.monotonic()
            load.tally.longest_silence_s = max(load.tally.longest_silence_s, now - load.running[job])
            load.running[job] = now
            load.events += 1
            events.append(event)

    async def _job_of(self, asked: dict[str, Any]) -> str:
        path = f"sessions/{asked['sessionId']}/images/{asked['images'][0]['id']}"
        answer = await self._http.get(self._address(path))
        return str(answer.json().get("jobId", "")) if answer.status_code == 200 else ""

    async def _refused(self, answer: httpx.Response | None) -> str:
        """Counts a refusal; any other than «come back later» is a mistake of these clients or of the service."""
        if answer is not None and answer.status_code not in {409, 429, 503}:
            raise AssertionError(f"{answer.status_code}: {(await answer.aread())[:300]!r}")
        self._load.tally.refused += 1
        await asyncio.sleep(PAUSE_S)
        return ""

    def _address(self, path: str) -> str:
        self._turn += 1
        return self._load.address(self._turn, path)
