"""Hundreds of open streams cost a web process no more threads and connections than twenty."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import StreamEvent, aparse_events, colored_images, submit, upload
from tests.e2e.conftest import TIMEOUT_S, MakeKey, MakeStack
from tests.postgres import Cluster

pytestmark = pytest.mark.e2e

FEW, MANY = 20, 300


def threads(stack: Stack) -> int:
    return psutil.Process(stack.processes["web-1"].pid).num_threads()


def sqlite_connections(stack: Stack) -> int:
    """Return how often the web process has the database file open; each connection at least once."""
    files = psutil.Process(stack.processes["web-1"].pid).open_files()
    return sum(file.path == str(stack.data / "db.sqlite3") for file in files)


async def open_streams(http: httpx.AsyncClient, job: str, count: int, opened: AsyncExitStack) -> list[httpx.Response]:
    """Open streams that wait: each has received its first line, and there is no event yet."""
    responses = []
    for _ in range(count):
        response = await opened.enter_async_context(http.stream("GET", f"jobs/{job}/events"))
        assert response.status_code == 200
        responses.append(response)
    return responses


async def read(response: httpx.Response) -> list[StreamEvent]:
    return [event async for event in aparse_events(response.aiter_raw())]


async def measure(stack: Stack, key: str, job: str, connections: Callable[[], int]) -> None:
    limits = httpx.Limits(max_connections=None)
    base, headers = f"{stack.urls[0]}/image-forge-api/v1", {"X-API-Key": key}
    async with (
        httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=TIMEOUT_S, trust_env=False) as http,
        AsyncExitStack() as opened,
    ):
        responses = await open_streams(http, job, FEW, opened)
        await asyncio.sleep(2.0)  # until the threads of these requests have ended
        few = threads(stack), connections()
        responses += await open_streams(http, job, MANY - FEW, opened)
        await asyncio.sleep(2.0)
        many = threads(stack), connections()

        stack.processes["worker-1"].start()
        events = await asyncio.gather(*(read(response) for response in responses))

    assert many[0] <= few[0] + 2, (few, many)
    # No connection per stream: those open belong to the few threads that read the event log for all of them.
    assert many[1] <= 4, (few, many)
    assert all([event.id for event in each] == [1, 2, 3, 4, 5] for each in events)


def run(stack: Stack, key: str, connections: Callable[[], int]) -> None:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        stack.processes["worker-1"].stop()  # without a worker the job and its streams wait
        job = submit(http, upload(http, colored_images(2)))
    asyncio.run(measure(stack, key, job, connections))


def test_three_hundred_streams_use_neither_threads_nor_connections(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack()

    run(stack, make_key(stack.data), lambda: sqlite_connections(stack))


@pytest.mark.postgres
def test_three_hundred_streams_use_no_connection_to_postgresql(
    make_stack: MakeStack, make_key: MakeKey, postgres: Cluster
) -> None:
    stack = make_stack(env={"DATABASE_URL": postgres.url})

    run(stack, make_key(stack.data, database=postgres.url), postgres.connections)
