"""The Redis listener and the event log: lost, reordered and malformed messages, and Redis outages."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django_eventstream import eventstream
from django_eventstream.event import Event
from redis.asyncio.client import PubSub

from forge import relay
from forge.jobs import services
from forge.models import Account, ImageAnalysis, Job, JobEvent, Session
from forge.relay import listeners, publisher
from forge.relay.listeners import JobListener, fanout
from forge.relay.shards import channel_of
from tests.forge import job_factory
from tests.forge.relay.stream_reader import ids, in_thread, read

pytestmark = pytest.mark.django_db(transaction=True)


def disable_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record events without publishing them, as in a Redis outage."""
    monkeypatch.setattr(publisher, "_retry_at", float("inf"))


def test_a_lost_message_is_read_from_the_log(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0  # Only the gap triggers a read of the log.
    publish = eventstream.redis_client.publish
    dropped: list[str] = []

    def lossy(channel: str, message: str) -> None:
        if len(dropped) < 2:
            dropped.append(message)
        else:
            publish(channel, message)

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.3)
        monkeypatch.setattr(eventstream.redis_client, "publish", lossy)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]
    assert len(dropped) == 2


def test_duplicate_and_reordered_messages_are_corrected(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0
    job_factory.run(job)
    rows = {row.seq: row for row in JobEvent.objects.filter(job=job)}

    def events_of(*seqs: int) -> list[Event]:
        return [Event(job.pk, rows[seq].type, rows[seq].data, id=seq) for seq in seqs]

    async def listen() -> tuple[list[tuple[list[int], bool]], int]:
        listener = JobListener(account_id=alice.pk, job_id=job.pk, after=0)
        steps = []
        for events in (events_of(1, 1, 2), events_of(2, 3), events_of(5, 4), events_of(4, 5, 6, 7)):
            frames, gap = listener.encode_in_sequence(events)
            steps.append((ids(frames.decode()), gap))
        return steps, listener.last_seq

    steps, last = asyncio.run(listen())
    assert steps == [([1, 2], False), ([3], False), ([], True), ([4, 5, 6, 7], False)]
    assert last == 7


def test_without_redis_streams_continue_from_the_log(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 0.2
    disable_publishing(monkeypatch)

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.1)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_streams_are_compared_with_the_log_in_parts(
    alice: Account, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 0.2
    monkeypatch.setattr(listeners, "_COMPARED_AT_ONCE", 2)
    disable_publishing(monkeypatch)
    jobs = [job_factory.submit(alice, make_session(alice, 1)) for _ in range(7)]

    async def live() -> list[str]:
        reading = [asyncio.create_task(read(alice, job)) for job in jobs]
        await asyncio.sleep(0.1)
        for job in jobs:
            await in_thread(lambda job=job: job_factory.run(job))  # type: ignore[misc]
        return await asyncio.gather(*reading)

    assert [ids(frames) for frames in asyncio.run(live())] == [[1, 2, 3]] * 7


def test_the_listener_reconnects_after_a_lost_connection(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0
    redis = eventstream.redis_client

    async def live() -> str:
        before = relay.fanout.reconnects
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.3)
        for client in redis.client_list(_type="pubsub"):
            redis.client_kill_filter(_id=client["id"])
        while relay.fanout.reconnects == before:
            await asyncio.sleep(0.05)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_a_malformed_message_does_not_end_the_listener(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.3)
        for malformed in ("", "[]", "{}", "{", '{"channel": 1, "event_type": 2, "data": 3, "pub_id": "x"}'):
            eventstream.redis_client.publish(channel_of(job.pk), malformed)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_a_failed_publish_does_not_fail_the_job(alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(eventstream.redis_client, "publish", refuse)

    job_factory.run(job)

    job.refresh_from_db()
    assert job.status == "complete"


def test_an_event_that_was_rolled_back_is_not_published(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[int] = []
    monkeypatch.setattr(relay, "publish", lambda *, seq, **_: published.append(seq))
    monkeypatch.setattr(services, "progress_record", _record_then_fail())

    with pytest.raises(RuntimeError):
        job_factory.claim(job_factory.analyses(job)[0])

    assert published == []
    assert job_factory.events(job) == []
    assert job_factory.analyses(job)[0].status == ImageAnalysis.Status.QUEUED


def _record_then_fail() -> Callable[..., None]:
    from forge.jobs.events import progress_record

    def record(*event: Any) -> None:
        progress_record(*event)
        raise RuntimeError("the transaction breaks here")

    return record


def test_a_cancellation_that_the_client_library_loses_ends_the_listener(
    alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it connects, redis-py may take the cancellation for a timeout of its own, and go on."""
    subscribe, connecting = PubSub.subscribe, threading.Event()

    async def losing(self: PubSub, *channels: str) -> None:
        connecting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await subscribe(self, *channels)

    monkeypatch.setattr(PubSub, "subscribe", losing)

    async def run() -> None:
        listener = JobListener(account_id=alice.pk, job_id="job_x", after=0)
        fanout.add_listener(listener)
        await asyncio.to_thread(connecting.wait, 30)
        fanout.remove_listener(listener)

    server = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    server.start()
    server.join(30)
    assert not server.is_alive()


def test_a_connection_without_answers_is_made_anew(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0
    monkeypatch.setattr(listeners, "_PING_S", 0.1)

    async def live() -> str:
        before = relay.fanout.reconnects
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.3)
        eventstream.redis_client.execute_command("CLIENT", "PAUSE", 1000, "ALL")
        async with asyncio.timeout(20):
            while relay.fanout.reconnects == before:
                await asyncio.sleep(0.05)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]
