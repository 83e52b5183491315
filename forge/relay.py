"""The stream: everything that touches django-eventstream, and the hardening it needs.

Pub/sub carries, the log remembers. Workers publish each committed event in the library's own message form; in every
web process one supervised listener hands it to the streams that wait for that job. A stream passes on what follows
directly on what it has sent; anything else (a start, a gap, an overflow, a lost connection) makes it read the log.
So an event can be late, never lost, doubled or out of order.

Written against the insides of django-eventstream as pinned; tests/forge/test_relay.py fails when its version moves.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django_eventstream import eventstream, views
from django_eventstream.channelmanager import ChannelManagerBase
from django_eventstream.event import Event
from django_eventstream.eventrequest import EventRequest
from django_eventstream.storage import StorageBase
from django_eventstream.utils import sse_encode_event
from redis.asyncio import Redis
from redis.exceptions import RedisError

from forge.models import Account, Job, JobEvent

logger = logging.getLogger(__name__)

PINNED_VERSION = "5.3.4"
PUBSUB_CHANNEL = "events_channel"  # hard-coded in the library
RETRY_MS = 2000
KEEP_ALIVE = b": keep-alive\n\n"
LOG_PAGE = 100  # events a read

_T = TypeVar("_T")
# All streams of a process read the log through these few threads, so that neither threads nor database connections
# grow with the streams.
_log_readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="relay-log")
_publish_again_at = 0.0


class JobEventStorage(StorageBase):  # type: ignore[misc]
    """The library's view of the log: a channel is a job, an id is a seq."""

    def append_event(self, channel: str, event_type: str, data: Any) -> Event:
        raise RuntimeError("Events are recorded by forge.events, with the state they tell of.")

    def get_events(self, channel: str, last_id: int, limit: int = LOG_PAGE) -> list[Event]:
        rows = JobEvent.objects.filter(job_id=channel, seq__gt=last_id).order_by("seq")[:limit]
        return [Event(channel, row.type, row.data, id=row.seq) for row in rows]

    def get_current_id(self, channel: str) -> int:
        return Job.objects.values_list("last_seq", flat=True).filter(pk=channel).first() or 0


class JobChannelManager(ChannelManagerBase):  # type: ignore[misc]
    """A job is read by its own account."""

    def get_channels_for_request(self, request: Any, view_kwargs: dict[str, Any]) -> set[str]:
        return {view_kwargs["job_id"]}

    def can_read_channel(self, user: Account | None, channel: str) -> bool:
        return user is not None and Job.objects.filter(pk=channel, account=user).exists()

    def is_channel_reliable(self, channel: str) -> bool:
        return True


class JobListener(views.Listener):  # type: ignore[misc]
    """One open stream: what the library queues for it, and how far it has sent."""

    def __init__(self, *, account: Account, job_id: str, after: int) -> None:
        super().__init__()
        self.account = account
        self.job_id = job_id
        self.user_id = account.pk
        self.channels = {job_id}
        self.last_seq = after
        self.ended = False
        self.assign_loop()

    def in_order(self, events: list[Event]) -> tuple[bytes, bool]:
        """The frames of those events that follow directly on what was sent, and whether one was missing."""
        frames = b""
        for event in events:
            if event.id <= self.last_seq:
                continue
            if event.id > self.last_seq + 1:
                return frames, True
            frames += sse_encode_event(event.type, event.data, event_id=event.id).encode()
            self.last_seq = event.id
            self.ended = event.type == "complete"
        return frames, False

    def take(self) -> tuple[list[Event], bool]:
        """What came since the last call, and whether something is known or suspected to be missing."""
        with listeners.lock:
            events, behind = self.channel_items.get(self.job_id, []), self.overflow
            self.aevent.clear()
            self.channel_items, self.overflow = {}, False
        return events, behind

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.aevent.wait()
        except TimeoutError:
            return False
        return True


class JobListenerManager(views.ListenerManager):  # type: ignore[misc]
    """The library's fan-out with a listener that comes back, and a check of the log that needs no Redis.

    The library starts its listener once in a process; after the first lost connection nothing is delivered any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.redis_listener = None  # Ours is started below, and again after each failure.
        self.reconnects = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def add_listener(self, listener: JobListener) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            # The loop keeps weak references only: an unheld task may vanish in the middle of its work.
            self._tasks = {loop.create_task(self._listen_for_ever()), loop.create_task(self._resync_for_ever())}
        super().add_listener(listener)

    def mark_behind(self, job_ids: set[str] | None = None) -> None:
        """Makes streams read the log again: those of these jobs, or all."""
        with self.lock:
            for job_id, waiting in self.listeners_by_channel.items():
                if job_ids is None or job_id in job_ids:
                    for listener in waiting:
                        listener.overflow = True
                        listener.wake_threadsafe()

    async def _listen_for_ever(self) -> None:
        pause = 0.1
        while True:
            started = time.monotonic()
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                logger.warning("The relay lost Redis (%s); streams go on from the log.", error)
            except Exception:  # the listener outlives whatever a message or the client library holds
                logger.exception("The relay's listener failed; starting it again.")
            self.reconnects += 1
            pause = 0.1 if time.monotonic() - started > 10 else min(2 * pause, 2.0)
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        options = {**settings.EVENTSTREAM_REDIS, "retry": None, "health_check_interval": 10}
        async with Redis(**options) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(PUBSUB_CHANNEL)
            while True:
                message = await pubsub.get_message(timeout=5.0)
                if message is None:
                    continue
                if message["type"] == "subscribe":
                    # Whatever was published while nobody listened is in the log.
                    self.mark_behind()
                elif message["type"] == "message":
                    self._fan_out(message["data"])

    def _fan_out(self, text: bytes) -> None:
        try:
            message = json.loads(text)
            event = Event(message["channel"], message["event_type"], message["data"], id=int(message["pub_id"]))
        except (ValueError, KeyError, TypeError):
            logger.warning("The relay was sent something that is no event: %.200r", text)
            return
        self.add_to_queues(event.channel, event)

    async def _resync_for_ever(self) -> None:
        while True:
            await asyncio.sleep(settings.FORGE_RESYNC_S)
            try:
                self.mark_behind(await self._jobs_behind())
            except DatabaseError as error:
                logger.warning("The relay could not compare its streams with the log: %s", error)

    async def _jobs_behind(self) -> set[str]:
        """Waiting jobs whose log is ahead of a stream, or that are gone."""
        with self.lock:
            sent = {job_id: min(w.last_seq for w in ws) for job_id, ws in self.listeners_by_channel.items()}
        known = await from_log(lambda: _last_seqs(list(sent)))
        return {job_id for job_id, seq in sent.items() if known.get(job_id, seq + 1) > seq}


listeners = JobListenerManager()
views.listener_manager = listeners


def publish(*, job_id: str, seq: int, type: str, data: str) -> None:  # noqa: A002
    """Tells every web process; never raises. What is not told is read from the log within FORGE_RESYNC_S."""
    global _publish_again_at
    if time.monotonic() < _publish_again_at:
        return
    message = json.dumps({"channel": job_id, "event_type": type, "data": data, "pub_id": seq})
    try:
        eventstream.redis_client.publish(PUBSUB_CHANNEL, message)
    except (RedisError, OSError) as error:
        # A worker must not wait out a timeout for each event of an outage.
        _publish_again_at = time.monotonic() + 1.0
        logger.warning("Event %s of %s was not published (%s); streams read it from the log.", seq, job_id, error)


async def stream(*, account: Account, job_id: str, after: int) -> AsyncIterator[bytes]:
    """The job's events after `after` as Server-Sent Events, until `complete` is sent or the job is gone."""
    listener = JobListener(account=account, job_id=job_id, after=after)
    listeners.add_listener(listener)
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while not listener.ended:
            async for frames in _catch_up(listener):
                yield frames
            async for frames in _follow(listener):
                yield frames
    finally:
        listeners.remove_listener(listener)


async def _catch_up(listener: JobListener) -> AsyncIterator[bytes]:
    """Reads the log from where the stream stands to its end."""
    more = True
    while more and not listener.ended:
        try:
            events, more, finished = await from_log(lambda: _read_log(listener))
        except DatabaseError as error:
            logger.warning("A stream of %s waits for the database: %s", listener.job_id, error)
            await asyncio.sleep(1.0)
            continue
        frames, _ = listener.in_order(events)
        if frames:
            yield frames
        # A client that asked for more than there will ever be is not kept waiting for it.
        listener.ended = listener.ended or (finished and not more)


async def _follow(listener: JobListener) -> AsyncIterator[bytes]:
    """Passes on what is published, until something is missing or the job has ended."""
    quiet_since = time.monotonic()
    behind = False
    while not (behind or listener.ended):
        woken = await listener.wait(quiet_since + settings.FORGE_KEEPALIVE_S - time.monotonic())
        frames = b"" if woken else KEEP_ALIVE
        if woken:
            events, overflowed = listener.take()
            frames, gap = listener.in_order(events)
            behind = overflowed or gap
        if frames:
            quiet_since = time.monotonic()
            yield frames


def _read_log(listener: JobListener) -> tuple[list[Event], bool, bool]:
    """A page of events, whether there is more, and whether the job had ended before the page was read."""
    finished = not Job.objects.filter(pk=listener.job_id, finished_at=None).exists()
    request = EventRequest()
    request.is_next = False
    request.channels = listener.channels
    request.channel_last_ids = {listener.job_id: listener.last_seq}
    try:
        page = eventstream.get_events(request, limit=LOG_PAGE, user=listener.account)
    except eventstream.EventPermissionError:
        return [], False, True  # The session was deleted under the stream.
    return page.channel_items[listener.job_id], listener.job_id in page.channel_more, finished


def _last_seqs(job_ids: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(job_ids), 500):  # SQLite bounds the number of parameters.
        found.update(Job.objects.filter(pk__in=job_ids[start : start + 500]).values_list("pk", "last_seq"))
    return found


async def from_log(read: Callable[[], _T]) -> _T:
    """Runs a database read of a stream outside the event loop, in one of the few threads that all streams share."""

    def read_and_let_go() -> _T:
        close_old_connections()
        try:
            return read()
        finally:
            # A waiting stream holds no connection; on PostgreSQL this gives it back to the pool.
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_log_readers, read_and_let_go)
