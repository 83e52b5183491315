"""Server-Sent Events of a job: replay, resume, keep-alive and the end of a stream."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from forge import relay
from forge.accounts import account_ensure
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.relay.stream_reader import ids, in_thread, read

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_relay_was_written_against_the_installed_library_version() -> None:
    pinned = re.search(r"^django-eventstream==(\S+)", Path("requirements.txt").read_text(), re.MULTILINE)

    assert pinned is not None
    assert version("django-eventstream") == pinned[1] == "5.3.4"


def test_a_finished_job_is_replayed_completely(alice: Account, job: Job) -> None:
    job_factory.run(job, failing=frozenset({1}))

    text = asyncio.run(read(alice, job))

    assert text.startswith("retry: 2000\nevent: progress\nid: 1\n")
    assert text.count("retry:") == 1
    assert ids(text) == [1, 2, 3, 4, 5, 6, 7]
    assert re.findall(r"^event: (\w+)$", text, re.MULTILINE)[-1] == "complete"
    assert "stream-open" not in text
    assert "keep-alive" not in text


@pytest.mark.parametrize("after", range(7))
def test_a_stream_resumes_exactly_after_the_last_event_id(alice: Account, job: Job, after: int) -> None:
    job_factory.run(job)

    complete, rest = asyncio.run(read(alice, job)), asyncio.run(read(alice, job, after))

    assert ids(rest) == list(range(after + 1, 8))
    assert complete.endswith(rest.removeprefix("retry: 2000\n"))


def test_live_and_replayed_streams_are_byte_identical(alice: Account, job: Job) -> None:
    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.1)
        await in_thread(lambda: job_factory.run(job))
        return await reading

    assert asyncio.run(live()) == asyncio.run(read(alice, job))


def test_another_account_reads_no_event(job: Job) -> None:
    bob = account_ensure(name="bob")
    job_factory.run(job)

    assert asyncio.run(read(bob, job)) == ""


def test_a_slow_reader_gets_more_events_than_the_library_queues(
    alice: Account, make_session: Callable[..., Session]
) -> None:
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


def test_an_idle_stream_sends_keep_alive_comments_without_id(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_KEEPALIVE_S = 0.1

    async def listen() -> list[str]:
        chunks: list[str] = []
        async with aclosing(relay.stream(account=alice, job_id=job.pk, after=0)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                chunks.append(chunk.decode())
                if len(chunks) == 2:
                    return chunks
        return chunks

    # Without a blank line, which several client libraries take for the end of an event.
    assert asyncio.run(listen()) == [": keep-alive\n"] * 2


def test_deleting_the_session_ends_the_stream(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 0.1

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job))
        await asyncio.sleep(0.2)
        await in_thread(lambda: Session.objects.all().delete())
        return await reading

    assert asyncio.run(live()) == ""


def test_a_stream_resumed_beyond_the_last_event_ends_with_the_job(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 0.1

    async def live() -> str:
        reading = asyncio.create_task(read(alice, job, after=1000))
        await asyncio.sleep(0.2)
        await in_thread(lambda: job_factory.run(job))
        relay.fanout.mark_behind()
        return await reading

    assert asyncio.run(live()) == ""


def test_idle_streams_hold_no_threads(alice: Account, job: Job) -> None:
    async def open_idle(number: int) -> tuple[int, int]:
        streams = [relay.stream(account=alice, job_id=job.pk, after=0) for _ in range(number)]
        waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await asyncio.sleep(0.5)
        counted = threading.active_count(), len(relay.fanout.listeners_by_channel[job.pk])
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await _close(streams)
        return counted

    few, _ = asyncio.run(open_idle(20))  # as many as make all threads of the pool that reads the log
    many, listening = asyncio.run(open_idle(200))

    assert listening == 200
    assert many <= few + 1
    assert job.pk not in relay.fanout.listeners_by_channel


async def _close(streams: list[AsyncIterator[bytes]]) -> None:
    closing: list[Awaitable[None]] = [stream.aclose() for stream in streams]  # type: ignore[attr-defined]
    await asyncio.gather(*closing)
