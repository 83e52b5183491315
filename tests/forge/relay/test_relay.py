import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection, connections
from django_eventstream import eventstream
from django_eventstream.event import Event

from forge import relay
from forge.accounts import account_ensure
from forge.models import Account, ImageAnalysis, Job, JobEvent, Session
from forge.relay import publisher
from forge.relay.listeners import JobListener
from tests.forge import job_factory

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


@pytest.fixture
def job(alice: Account, make_session: Callable[..., Session]) -> Job:
    return job_factory.submit(alice, make_session(alice, 3))


@pytest.fixture(autouse=True)
def no_publish_pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(publisher, "_retry_at", 0.0)
    yield
    # Reads of the log that this test began keep the test database busy otherwise.
    connections.close_all()


def ids(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^id: (\d+)$", text, re.MULTILINE)]


async def read(account: Account, job: Job, after: int = 0) -> str:
    async with asyncio.timeout(20):
        return "".join([chunk.decode() async for chunk in relay.stream(account=account, job_id=job.pk, after=after)])


async def in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are recorded and not published, as when Redis is away."""
    monkeypatch.setattr(publisher, "_retry_at", float("inf"))


def test_the_library_is_the_version_that_the_relay_was_written_against() -> None:
    pinned = re.search(r"^django-eventstream==(\S+)", Path("requirements.txt").read_text(), re.MULTILINE)

    assert pinned is not None
    assert version("django-eventstream") == pinned[1] == "5.3.4"


def test_a_finished_job_is_replayed_whole(alice: Account, job: Job) -> None:
    job_factory.run(job, failing=frozenset({1}))

    text = asyncio.run(read(alice, job))

    assert text.startswith("retry: 2000\n\n")
    assert ids(text) == [1, 2, 3, 4, 5, 6, 7]
    assert re.findall(r"^event: (\w+)$", text, re.MULTILINE)[-1] == "complete"
    assert "stream-open" not in text
    assert "keep-alive" not in text


@pytest.mark.parametrize("after", range(7))
def test_a_stream_resumes_exactly_after_what_was_seen(alice: Account, job: Job, after: int) -> None:
    job_factory.run(job)

    whole, rest = asyncio.run(read(alice, job)), asyncio.run(read(alice, job, after))

    assert ids(rest) == list(range(after + 1, 8))
    assert whole.endswith(rest.removeprefix("retry: 2000\n\n"))


def test_a_live_stream_is_the_replayed_one_byte_for_byte(alice: Account, job: Job) -> None:
    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.1)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert asyncio.run(live()) == asyncio.run(read(alice, job))


def test_another_account_reads_nothing(job: Job) -> None:
    bob = account_ensure(name="bob")
    job_factory.run(job)

    assert asyncio.run(read(bob, job)) == "retry: 2000\n\n"


def test_more_events_than_the_library_keeps_are_all_sent(alice: Account, make_session: Callable[..., Session]) -> None:
    job = job_factory.submit(alice, make_session(alice, 30))

    async def slow_reader() -> str:
        text = ""
        async with aclosing(relay.stream(account=alice, job_id=job.pk, after=0)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                text += chunk.decode()
                if not ids(text):
                    await in_thread(lambda: job_factory.run(job))  # 61 events while the reader does not read.
        return text

    assert ids(asyncio.run(slow_reader())) == list(range(1, 62))


def test_a_missing_message_is_read_from_the_log(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0  # Only the gap tells.
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


def test_messages_out_of_order_or_twice_are_put_right(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0
    job_factory.run(job)
    rows = {row.seq: row for row in JobEvent.objects.filter(job=job)}

    def tell(*seqs: int) -> list[Event]:
        return [Event(job.pk, rows[seq].type, rows[seq].data, id=seq) for seq in seqs]

    async def listen() -> tuple[list[tuple[list[int], bool]], int]:
        listener = JobListener(account=alice, job_id=job.pk, after=0)
        steps = []
        for events in (tell(1, 1, 2), tell(2, 3), tell(5, 4), tell(4, 5, 6, 7)):
            frames, gap = listener.encode_in_sequence(events)
            steps.append((ids(frames.decode()), gap))
        return steps, listener.last_seq

    steps, last = asyncio.run(listen())
    assert steps == [([1, 2], False), ([3], False), ([], True), ([4, 5, 6, 7], False)]
    assert last == 7


def test_without_redis_streams_go_on_from_the_log(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 0.2
    silent(monkeypatch)

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.1)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_the_listener_comes_back_after_a_lost_connection(alice: Account, job: Job, settings: Any) -> None:
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


def test_what_is_no_event_does_not_end_the_listener(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.3)
        for rubbish in ("", "[]", "{}", "{", '{"channel": 1, "event_type": 2, "data": 3, "pub_id": "x"}'):
            eventstream.redis_client.publish(publisher.PUBSUB_CHANNEL, rubbish)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert ids(asyncio.run(live())) == [1, 2, 3, 4, 5, 6, 7]


def test_a_failed_publish_does_not_fail_the_work(alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(eventstream.redis_client, "publish", refuse)

    job_factory.run(job)

    job.refresh_from_db()
    assert job.status == "complete"


def test_nobody_hears_of_a_state_that_was_rolled_back(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[int] = []
    monkeypatch.setattr(relay, "publish", lambda *, seq, **_: published.append(seq))
    monkeypatch.setattr("forge.jobs.states.job_increment", _count_then_fail())

    with pytest.raises(RuntimeError):
        job_factory.claim(job_factory.analyses(job)[0])

    assert published == []
    assert job_factory.events(job) == []
    assert job_factory.analyses(job)[0].status == ImageAnalysis.Status.QUEUED


def _count_then_fail() -> Callable[[str, str], Job]:
    from forge.jobs.states import job_increment

    def count(job_id: str, counter: str) -> Job:
        counted = job_increment(job_id, counter)
        if counter == "last_seq":
            raise RuntimeError("the transaction breaks here")
        return counted

    return count


def test_silence_is_filled_with_comments_that_carry_no_id(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_KEEPALIVE_S = 0.1

    async def listen() -> list[str]:
        chunks: list[str] = []
        async with aclosing(relay.stream(account=alice, job_id=job.pk, after=0)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                chunks.append(chunk.decode())
                if len(chunks) == 3:
                    return chunks
        return chunks

    assert asyncio.run(listen()) == ["retry: 2000\n\n", ": keep-alive\n\n", ": keep-alive\n\n"]


def test_a_stream_of_a_deleted_session_ends(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 0.1

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.2)
        await in_thread(lambda: Session.objects.all().delete())
        return await reading

    assert asyncio.run(live()) == "retry: 2000\n\n"


def test_a_client_that_asks_for_more_than_there_will_be_is_not_kept(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 0.1

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job, after=1000))
        await asyncio.sleep(0.2)
        await in_thread(lambda: job_factory.run(job))
        relay.fanout.mark_behind()
        return await reading

    assert asyncio.run(live()) == "retry: 2000\n\n"


def test_waiting_streams_hold_neither_threads_nor_connections(alice: Account, job: Job) -> None:
    async def wait_in_all(number: int) -> tuple[int, int]:
        streams = [relay.stream(account=alice, job_id=job.pk, after=0) for _ in range(number)]
        await asyncio.gather(*(anext(stream) for stream in streams))
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0.5)
        counted = threading.active_count(), len(relay.fanout.listeners_by_channel[job.pk])
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await _close(streams)
        return counted

    few, _ = asyncio.run(wait_in_all(4))
    many, listening = asyncio.run(wait_in_all(200))

    assert listening == 200
    assert many <= few + 1
    assert job.pk not in relay.fanout.listeners_by_channel


async def _close(streams: list[AsyncIterator[bytes]]) -> None:
    closing: list[Awaitable[None]] = [stream.aclose() for stream in streams]  # type: ignore[attr-defined]
    await asyncio.gather(*closing)
