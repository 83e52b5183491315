"""One stream and its client: a client that reads slowly, one that fails, and the task that a stream does without."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django_eventstream.event import Event

from forge import relay
from forge.models import Account, Job, Session
from forge.relay import listeners
from forge.relay.keep_alives import keep_alives
from forge.relay.stream import start
from tests.forge import job_factory
from tests.forge.relay.stream_reader import ids, in_thread, read

pytestmark = pytest.mark.django_db(transaction=True)


async def is_listening(job: Job) -> None:
    while job.pk not in relay.fanout.listeners_by_channel:
        await asyncio.sleep(0.01)


def test_a_client_that_does_not_read_gets_every_event_later(
    alice: Account, make_session: Callable[..., Session], settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0  # The full queue alone makes the stream read the log.
    job = job_factory.submit(alice, make_session(alice, 30))

    async def run() -> tuple[str, int]:
        received: list[bytes] = []
        reads = asyncio.Event()

        async def send(frames: bytes) -> None:
            received.append(frames)
            await reads.wait()

        stream = relay.JobStream(account=alice, job_id=job.pk, after=0)
        running = asyncio.create_task(stream.run(send))
        await is_listening(job)
        await in_thread(lambda: job_factory.run(job))
        while not stream.overflow:
            await asyncio.sleep(0.01)
        before = len(received)
        reads.set()
        async with asyncio.timeout(20):
            await running
        return b"".join(received).decode(), before

    text, before = asyncio.run(run())
    assert before == 1, "nothing is sent while the client does not read"
    assert ids(text) == list(range(1, 62))


def test_a_failing_client_ends_its_own_stream_alone(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0

    async def fail(_: bytes) -> None:
        raise ConnectionResetError

    async def run() -> tuple[BaseException | None, str]:
        reading = asyncio.create_task(read(alice, job))
        failing = asyncio.create_task(relay.JobStream(account=alice, job_id=job.pk, after=0).run(fail))
        while len(relay.fanout.listeners_by_channel.get(job.pk, ())) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        reconnects = relay.fanout.reconnects
        await in_thread(lambda: job_factory.run(job))
        await asyncio.wait({failing}, timeout=20)
        text = await reading
        assert relay.fanout.reconnects == reconnects
        return failing.exception(), text

    error, text = asyncio.run(run())
    assert isinstance(error, ConnectionResetError)
    assert ids(text) == [1, 2, 3, 4, 5, 6, 7]


def test_a_disconnect_ends_a_stream_that_waits_for_its_client(alice: Account, job: Job) -> None:
    async def run() -> None:
        sent = asyncio.Event()

        async def send(_: bytes) -> None:
            sent.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("send")

        disconnected = asyncio.get_running_loop().create_future()
        stream = relay.JobStream(account=alice, job_id=job.pk, after=0)
        running = asyncio.create_task(stream.run(send, disconnected))
        await is_listening(job)
        await in_thread(lambda: job_factory.run(job))
        async with asyncio.timeout(20):
            await sent.wait()
            disconnected.set_result(None)
            await running
        assert ended == ["send"]

    ended: list[str] = []
    asyncio.run(run())
    assert job.pk not in relay.fanout.listeners_by_channel


def test_published_events_are_sent_without_a_task(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_RESYNC_S = 60.0

    async def run() -> tuple[str, set[str]]:
        frames: list[bytes] = []
        senders: set[str] = set()

        async def send(sent: bytes) -> None:
            frames.append(sent)
            senders.add(repr(asyncio.current_task()))

        stream = relay.JobStream(account=alice, job_id=job.pk, after=0)
        running = asyncio.create_task(stream.run(send))
        await is_listening(job)
        while stream._task is not None:  # it reads the log
            await asyncio.sleep(0.01)
        await in_thread(lambda: job_factory.run(job))
        async with asyncio.timeout(20):
            await running
        return b"".join(frames).decode(), senders

    text, senders = asyncio.run(run())
    assert ids(text) == [1, 2, 3, 4, 5, 6, 7]
    assert any("JobListenerManager._receive" in sender for sender in senders)


def test_a_slow_client_does_not_delay_others_of_its_job(
    alice: Account, job: Job, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FORGE_RESYNC_S = 60.0
    encoded: list[int] = []

    def encode(event: Event) -> bytes:
        encoded.append(event.id)
        return frame_of(event)

    frame_of = listeners.encode

    async def run() -> tuple[bytes, bytes, list[int]]:
        received: dict[str, bytes] = {"slow": b"", "fast": b"", "other": b""}
        reads = asyncio.Event()

        def sender(name: str) -> Callable[[bytes], Any]:
            async def send(frames: bytes) -> None:
                received[name] += frames
                if name == "slow":
                    await reads.wait()

            return send

        streams = {name: relay.JobStream(account=alice, job_id=job.pk, after=0) for name in received}
        running = {name: asyncio.create_task(stream.run(sender(name))) for name, stream in streams.items()}
        await is_listening(job)
        while any(stream._task is not None for stream in streams.values()):  # they read the log
            await asyncio.sleep(0.01)
        monkeypatch.setattr(listeners, "encode", encode)
        await in_thread(lambda: job_factory.run(job))
        async with asyncio.timeout(20):
            await asyncio.gather(running["fast"], running["other"])
            assert ids(received["slow"].decode()) == [1]
            of_fast_alone = list(encoded)
            reads.set()
            await running["slow"]
        assert received["other"] == received["fast"]
        return received["slow"], received["fast"], of_fast_alone

    slow, fast, of_fast_alone = asyncio.run(run())
    assert ids(fast.decode()) == [1, 2, 3, 4, 5, 6, 7]
    assert slow == fast
    assert of_fast_alone == [1, 2, 3, 4, 5, 6, 7], "each event is encoded once for all streams that can send it"


def test_work_that_waits_goes_on_in_a_task() -> None:
    steps: list[str] = []

    async def work(gate: asyncio.Future[str]) -> None:
        steps.append("begun")
        steps.append(await gate)
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        steps.append("ended")

    async def run() -> None:
        gate = asyncio.get_running_loop().create_future()
        task = start(work(gate))
        assert steps == ["begun"]
        gate.set_result("awaited")
        assert task is not None
        await task
        gate = asyncio.get_running_loop().create_future()
        gate.set_result("done")

        async def immediate() -> None:
            steps.append(await gate)

        assert start(immediate()) is None

    asyncio.run(run())
    assert steps == ["begun", "awaited", "ended", "done"]


def test_keep_alives_are_sent_to_idle_streams_alone(alice: Account, job: Job, settings: Any) -> None:
    settings.FORGE_KEEPALIVE_S = 0.4

    async def run() -> tuple[bytes, bytes]:
        received: dict[str, bytes] = {"idle": b"", "busy": b""}

        def sender(name: str) -> Callable[[bytes], Any]:
            async def send(frames: bytes) -> None:
                received[name] += frames

            return send

        streams = {name: relay.JobStream(account=alice, job_id=job.pk, after=0) for name in received}
        running = [asyncio.create_task(stream.run(sender(name))) for name, stream in streams.items()]
        await is_listening(job)
        while received["idle"].count(b"keep-alive") < 3:
            keep_alives.restart(streams["busy"])
            await asyncio.sleep(0.01)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return received["idle"], received["busy"]

    idle, busy = asyncio.run(run())
    assert idle == b": keep-alive\n" * 3
    assert busy == b""
