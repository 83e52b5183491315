"""The limit on an account's open streams."""

import asyncio
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from forge.accounts import account_ensure, key_issue
from forge.api.asgi.handoff import HandoffMiddleware, SlotResponder
from forge.api.asgi.types import Message, Receive, Send
from forge.credits import ledger
from forge.limits import counters, open_streams
from forge.models import Job, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, body_for
from tests.forge.limits.conftest import set_limits


class Streams:
    """Calls of an account that may have one open stream."""

    def __init__(self, make_session: Callable[..., Session]) -> None:
        self.account = account_ensure(name="alice", credits=100)
        set_limits(self.account, open_streams=1)
        self.key = key_issue(account=self.account)[1]
        self.session = make_session(self.account, 1)
        self.body = body_for(self.session)

    async def analyze(self, **headers: str) -> Call:
        call = Call("POST", f"/sessions/{self.session.pk}/analyze", self.key, self.body, headers)
        await call.start()
        return call

    async def follow(self, job_id: str) -> Call:
        call = Call("GET", f"/jobs/{job_id}/events", self.key)
        await call.start()
        return call

    async def follow_when_free(self, job_id: str) -> Call:
        """Open the stream as soon as a slot is free."""
        deadline = time.monotonic() + 20
        while (call := await self.follow(job_id)).status == 429:
            assert time.monotonic() < deadline, "the slot is not free"
            await call.finish()
        return call

    def open(self) -> int:
        return int(counters.redis().zcard(f"forge:streams:{self.account.pk}"))


@pytest.fixture
def streams(transactional_db: None, make_session: Callable[..., Session]) -> Streams:
    return Streams(make_session)


def test_a_stream_over_the_limit_is_refused_until_another_ends(streams: Streams) -> None:
    job = job_factory.submit(streams.account, streams.session)

    async def run() -> Call:
        first = await streams.follow(job.pk)
        refused = await streams.follow(job.pk)
        assert refused.status == 429
        assert '"rate_limited"' in await refused.finish()
        assert int(refused.headers["retry-after"]) > 0
        await first.disconnect()
        return await streams.follow_when_free(job.pk)

    async def run_and_disconnect() -> int:
        call = await run()
        await call.disconnect()
        return call.status

    assert asyncio.run(run_and_disconnect()) == 200


def test_a_refused_stream_starts_no_job(streams: Streams) -> None:
    async def run() -> tuple[int, int]:
        job = await asyncio.to_thread(job_factory.submit, streams.account, streams.session)
        first = await streams.follow(job.pk)
        refused = await streams.analyze()
        await refused.finish()
        await first.disconnect()
        return first.status, refused.status

    assert asyncio.run(run()) == (200, 429)
    assert Job.objects.count() == 1
    assert ledger.balance(streams.account.pk) == 99


def test_a_refused_job_holds_no_slot(streams: Streams) -> None:
    job_factory.submit(streams.account, streams.session)

    async def run() -> int:
        call = await streams.analyze()
        await call.finish()
        return call.status

    assert asyncio.run(run()) == 409
    deadline = time.monotonic() + 20
    while streams.open():
        assert time.monotonic() < deadline, "the slot is not free"


def test_a_json_response_holds_no_slot(streams: Streams) -> None:
    async def run() -> list[int]:
        first = await streams.analyze(accept="application/json")
        await first.finish()
        return [first.status, streams.open()]

    assert asyncio.run(run()) == [202, 0]
    assert Job.objects.count() == 1


def test_without_redis_streams_are_not_counted(streams: Streams, request: pytest.FixtureRequest) -> None:
    job = job_factory.submit(streams.account, streams.session)
    request.getfixturevalue("without_redis")

    async def run() -> list[int]:
        calls = [await streams.follow(job.pk) for _ in range(2)]
        for call in calls:
            await call.disconnect()
        return [call.status for call in calls]

    assert asyncio.run(run()) == [200, 200]


def test_a_client_that_disconnects_before_its_stream_starts_releases_its_slot(streams: Streams) -> None:
    async def never(start: Message, send: Send) -> None:
        raise AssertionError("nothing is sent after the client has disconnected")

    async def abandoned(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Act like a view that returns after its client has disconnected: Django sends nothing."""
        with open_streams.acquire_stream_slot(streams.account) as slot:
            assert slot is not None
            scope["forge.responder"] = SlotResponder(never, slot)

    async def run() -> None:
        middleware = HandoffMiddleware(abandoned)
        await middleware({"type": "http"}, never, never)  # type: ignore[arg-type]

    asyncio.run(run())
    deadline = time.monotonic() + 20
    while streams.open():
        assert time.monotonic() < deadline, "the slot is not free"
