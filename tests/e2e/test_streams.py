"""What hundreds of waiting streams cost one web process: no more than twenty."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import SentEvent, amessages, colors, submit, upload
from tests.e2e.conftest import PATIENCE_S, MakeKey, MakeStack
from tests.postgres import Cluster

pytestmark = pytest.mark.e2e

FEW, MANY = 20, 300


def threads(stack: Stack) -> int:
    return psutil.Process(stack.processes["web-1"].pid).num_threads()


def sqlite_connections(stack: Stack) -> int:
    """Open handles of the database file in the web process; each connection holds at least one."""
    files = psutil.Process(stack.processes["web-1"].pid).open_files()
    return sum(file.path == str(stack.data / "db.sqlite3") for file in files)


async def open_streams(http: httpx.AsyncClient, job: str, count: int, held: AsyncExitStack) -> list[httpx.Response]:
    """Streams that wait: each has got its first line and there is no event yet."""
    answers = []
    for _ in range(count):
        answer = await held.enter_async_context(http.stream("GET", f"jobs/{job}/events"))
        assert answer.status_code == 200
        answers.append(answer)
    return answers


async def read(answer: httpx.Response) -> list[SentEvent]:
    return [event async for event in amessages(answer.aiter_raw())]


async def measure(stack: Stack, key: str, job: str, connections: Callable[[], int]) -> None:
    limits = httpx.Limits(max_connections=None)
    base, headers = f"{stack.urls[0]}/image-forge-api/v1", {"X-API-Key": key}
    async with (
        httpx.AsyncClient(base_url=base, headers=headers, limits=limits, timeout=PATIENCE_S, trust_env=False) as http,
        AsyncExitStack() as held,
    ):
        answers = await open_streams(http, job, FEW, held)
        await asyncio.sleep(2.0)  # The threads that answered these requests go away.
        few = threads(stack), connections()
        answers += await open_streams(http, job, MANY - FEW, held)
        await asyncio.sleep(2.0)
        many = threads(stack), connections()

        stack.processes["worker-1"].start()
        events = await asyncio.gather(*(read(answer) for answer in answers))

    assert many[0] <= few[0] + 2, (few, many)
    # None for a stream that waits: what there is belongs to the few threads that read the log for all of them.
    assert many[1] <= 4, (few, many)
    assert all([event.id for event in each] == [1, 2, 3, 4, 5] for each in events)


def run(stack: Stack, key: str, connections: Callable[[], int]) -> None:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        stack.processes["worker-1"].stop()  # Without a worker the job waits, and its streams with it.
        job = submit(http, upload(http, colors(2)))
    asyncio.run(measure(stack, key, job, connections))


def test_three_hundred_streams_hold_neither_threads_nor_connections(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack()

    run(stack, make_key(stack.data), lambda: sqlite_connections(stack))


@pytest.mark.postgres
def test_three_hundred_streams_hold_no_connection_of_postgresql(
    make_stack: MakeStack, make_key: MakeKey, postgres: Cluster
) -> None:
    stack = make_stack(env={"DATABASE_URL": postgres.url})

    run(stack, make_key(stack.data, database=postgres.url), postgres.connections)
