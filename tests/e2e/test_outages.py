"""Forty concurrent jobs, two web servers, two workers, and an outage of Redis in the middle."""

import asyncio
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.client import StreamEvent, aparse_events, colored_images, submit, upload
from tests.e2e.conftest import TIMEOUT_S, MakeKey, MakeStack, wait_until
from tests.postgres import Cluster

pytestmark = pytest.mark.e2e

JOBS = 40
IMAGES = 10
CREDITS = JOBS * IMAGES + 7
OUTAGE_S = 5.0
# Slow enough that the outage falls into the middle of the jobs.
SCRIPT: dict[str, str | None] = {"FORGE_SCRIPT": json.dumps({"delay_ms": 100, "delay_ms_per_image": 10})}


@dataclass
class Readers:
    """Readers of the streams of all jobs, in a thread: the main thread polls the processes."""

    urls: list[str]
    headers: dict[str, str]
    received: dict[tuple[str, int], list[StreamEvent]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def follow(self, job_ids: list[str], group: int) -> None:
        """Read these jobs to their end; `group` numbers the readers of one job."""
        thread = threading.Thread(target=lambda: asyncio.run(self._follow_all(job_ids, group)))
        thread.start()
        self._threads.append(thread)

    async def _follow_all(self, job_ids: list[str], group: int) -> None:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(headers=self.headers, timeout=TIMEOUT_S, limits=limits, trust_env=False) as http:
            await asyncio.gather(*(self._follow(http, number, job, group) for number, job in enumerate(job_ids)))

    async def _follow(self, http: httpx.AsyncClient, number: int, job: str, group: int) -> None:
        events = self.received.setdefault((job, group), [])
        address = f"{self.urls[(number + group) % len(self.urls)]}/image-forge-api/v1/jobs/{job}/events"
        async with http.stream("GET", address) as response:
            assert response.status_code == 200
            async for event in aparse_events(response.aiter_raw()):
                events.append(event)

    @property
    def count(self) -> int:
        return sum(len(events) for (_, group), events in self.received.items() if group == 0)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()


def test_forty_jobs_lose_no_event_in_an_outage_of_redis(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack(webs=2, workers=2, env=dict(SCRIPT))

    run(stack, make_key(stack.data, credits=CREDITS))


@pytest.mark.postgres
def test_forty_jobs_on_postgresql_lose_no_event_in_an_outage_of_redis(
    make_stack: MakeStack, make_key: MakeKey, postgres: Cluster
) -> None:
    stack = make_stack(webs=2, workers=2, env={**SCRIPT, "DATABASE_URL": postgres.url})

    run(stack, make_key(stack.data, credits=CREDITS, database=postgres.url))


def run(stack: Stack, key: str) -> None:
    headers = {"X-API-Key": key}
    base = f"{stack.urls[0]}/image-forge-api/v1"
    readers = Readers(stack.urls, headers)
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        sessions = [upload(http, colored_images(IMAGES, IMAGES * number)) for number in range(JOBS)]
        jobs = [submit(http, session) for session in sessions]
        readers.follow(jobs, group=0)
        wait_until(lambda: readers.count > JOBS * IMAGES // 4, "a quarter of the way", stack.poll)

        stop_redis_for_a_while(stack, readers, jobs)

        wait_until(lambda: all(ended(http, job) for job in jobs), "the end of all jobs", stack.poll)
        readers.join()
        balance = http.get("credits/balance").json()["balance"]
        assert balance == 7 == sum(amounts(http))
    check(readers, jobs)


def stop_redis_for_a_while(stack: Stack, readers: Readers, jobs: list[str]) -> None:
    """Stop Redis for OUTAGE_S seconds; streams that open meanwhile must receive every event too."""
    stack.processes["valkey"].stop()
    opened = time.monotonic()
    readers.follow(jobs, group=1)
    wait_until(lambda: time.monotonic() - opened > OUTAGE_S, "the outage", stack.poll)
    stack.processes["valkey"].start()


def ended(http: httpx.Client, job: str) -> bool:
    return bool(http.get(f"jobs/{job}").json()["finishedAt"])


def amounts(http: httpx.Client) -> list[int]:
    entries: list[int] = []
    parameters: dict[str, str | int] = {"limit": 100}
    while True:
        page = http.get("credits/ledger", params=parameters).json()
        entries += [entry["amount"] for entry in page["data"]]
        if page["nextCursor"] is None:
            return entries
        parameters["cursor"] = page["nextCursor"]


def check(readers: Readers, jobs: list[str]) -> None:
    whole = list(range(1, 2 * IMAGES + 2))
    missing = duplicated = out_of_order = 0
    for events in readers.received.values():
        ids = [event.id for event in events]
        missing += len(set(whole) - set(ids))
        duplicated += len(ids) - len(set(ids))
        out_of_order += ids != sorted(ids)
    assert (missing, duplicated, out_of_order) == (0, 0, 0)
    for job in jobs:
        first, second = readers.received[job, 0], readers.received[job, 1]
        assert first == second
        assert Counter(event.type for event in first) == Counter(progress=IMAGES, result=IMAGES, complete=1)
