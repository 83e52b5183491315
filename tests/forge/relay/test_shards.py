"""Pub/sub channels by shard of jobs: subscribed while listened to, and nothing lost while streams come and go."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django_eventstream import eventstream

from forge import relay
from forge.models import Account, Job, Session
from forge.relay.shards import COMMON_CHANNEL, SHARDS, channel_of
from tests.forge import job_factory
from tests.forge.relay.stream_reader import ids, in_thread, read

pytestmark = pytest.mark.django_db(transaction=True)


def shards_subscribed() -> set[str]:
    return {channel.decode() for channel in eventstream.redis_client.pubsub_channels("forge:events:*")}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


def test_a_shard_is_subscribed_while_a_stream_of_it_is_open(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 0.1

    async def live() -> tuple[set[str], str]:
        reading = asyncio.create_task(read(alice, job))
        await until(lambda: bool(shards_subscribed()))
        subscribed = shards_subscribed()
        await in_thread(lambda: job_factory.run(job))
        text = await reading
        await until(lambda: not shards_subscribed())
        return subscribed, text

    subscribed, text = asyncio.run(live())
    assert subscribed == {channel_of(job.pk)}
    assert ids(text) == [1, 2, 3, 4, 5, 6, 7]


def test_a_process_receives_no_event_of_other_shards(
    alice: Account, job: Job, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0
    others = [job_factory.submit(alice, make_session(alice, 1)) for _ in range(3)]
    received: list[str] = []
    fan_out = relay.fanout._fan_out

    def note_and_fan_out(text: bytes) -> None:
        received.append(text.decode())
        fan_out(text)

    monkeypatch.setattr(relay.fanout, "_fan_out", note_and_fan_out)

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await until(lambda: shards_subscribed() == {channel_of(job.pk)})
        for other in [*others, job]:
            await in_thread(lambda other=other: job_factory.run(other))  # type: ignore[misc]
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]
    same_shard = {one.pk for one in [*others, job] if channel_of(one.pk) == channel_of(job.pk)}
    assert {json.loads(text)["channel"] for text in received} == same_shard


def test_nothing_is_lost_where_a_stream_begins_while_its_shard_is_unsubscribed(
    alice: Account, job: Job, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 600.0  # the comparison with the log is too rare to help
    jobs = [job_factory.submit(alice, make_session(alice, 1)) for _ in range(5)]
    monkeypatch.setattr("forge.relay.shards.SHARDS", 1)

    async def live() -> list[list[int]]:
        read_ids = []
        for one in jobs:
            relay.fanout._shards.unsubscribe_idle()
            reading = asyncio.create_task(read(alice, one))
            await asyncio.sleep(0)
            await in_thread(lambda one=one: job_factory.run(one))  # type: ignore[misc]
            read_ids.append(ids(await reading))
        return read_ids

    assert asyncio.run(live()) == [[1, 2, 3]] * 5


def test_the_log_is_read_after_the_subscription_is_confirmed(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 600.0
    subscribed_at_read: list[bool] = []
    read_log = relay.stream.__globals__["read_log"]

    def note_and_read(**arguments: Any) -> Any:
        subscribed_at_read.append(channel_of(job.pk) in shards_subscribed())
        return read_log(**arguments)

    monkeypatch.setitem(relay.stream.__globals__, "read_log", note_and_read)
    job_factory.run(job)

    assert ids(asyncio.run(read(alice, job))) == [1, 2, 3, 4, 5, 6, 7]
    assert subscribed_at_read == [True]


def test_events_of_publishers_of_the_previous_version_are_received(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Web servers are upgraded before workers, which until then publish to the common channel."""
    settings.FORGE_RESYNC_S = 600.0
    monkeypatch.setattr("forge.relay.publisher.channel_of", lambda _job_id: COMMON_CHANNEL)

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await until(lambda: shards_subscribed() == {channel_of(job.pk)})
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_jobs_are_spread_over_the_shards() -> None:
    assert len({channel_of(f"job_{number}") for number in range(20 * SHARDS)}) == SHARDS
