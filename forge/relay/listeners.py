"""The listeners of this web process, and the supervised Redis listener that fans events out to them."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable
from contextvars import Context
from typing import Any

from django.conf import settings
from django_eventstream import views
from django_eventstream.event import Event
from django_eventstream.utils import sse_encode_event
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from forge.database import DATABASE_ERRORS
from forge.redis_client import async_redis_client
from forge.relay import garbage
from forge.relay.keep_alives import keep_alives
from forge.relay.key_checks import key_checks
from forge.relay.log import jobs_ahead, run_in_log_pool
from forge.relay.pubsub_replies import PubSubReplies
from forge.relay.shards import COMMON_CHANNEL, KEYS_CHANNEL, ShardSubscriptions, is_cancelled

logger = logging.getLogger(__name__)

RETRY_MS = 2000
_COMPARED_AT_ONCE = 500  # jobs
_PING_S = 5.0
_KEYS = KEYS_CHANNEL.encode()


class JobListener(views.Listener):  # type: ignore[misc]
    """A job's events that the fan-out has queued, and the `seq` of the last one that was encoded."""

    def __init__(self, *, account_id: str, job_id: str, after: int) -> None:
        self.user_id = account_id
        self.job_id = job_id
        self.channels = (job_id,)
        self.channel_items: dict[str, list[Event]] = {}
        self.overflow = False
        self.last_seq = after
        self.ended = False
        # In the first event's block: alone it would be an event without data to several client libraries.
        self.retry_field = f"retry: {RETRY_MS}\n".encode()

    def encode_in_sequence(self, events: list[Event]) -> tuple[bytes, bool]:
        """Return the frames of the next events without a gap, and whether there was a gap."""
        frames = b""
        for event in events:
            if event.id <= self.last_seq:
                continue
            if event.id > self.last_seq + 1:
                return frames, True
            frames += self.take(event, encode(event))
        return frames, False

    def take(self, event: Event, frame: bytes) -> bytes:
        """Note that the next event is sent; return its frame, with what the first one has before it."""
        self.last_seq = event.id
        self.ended = event.type == "complete"
        if self.retry_field:
            frame, self.retry_field = self.retry_field + frame, b""
        return frame

    def drain(self) -> tuple[list[Event], bool]:
        """Return the events since the last call, and whether some may be missing."""
        with fanout.lock:
            events, behind = self.channel_items.get(self.job_id, []), self.overflow
            self.channel_items, self.overflow = {}, False
        return events, behind

    def wake_threadsafe(self) -> None:
        """Do nothing: the manager, which runs in the event loop, calls `deliver` when it has released its lock."""

    def deliver(self) -> None:
        """Send what is queued, and what the log has where something may be missing."""

    def send_now(self, event: Event, frame: bytes) -> bool:
        """Send the event, encoded as `frame`, if nothing has to be awaited before; return whether it was sent."""
        return False


def encode(event: Event) -> bytes:
    frame: str = sse_encode_event(event.type, event.data, event_id=event.id)
    return frame.encode()


class JobListenerManager(views.ListenerManager):  # type: ignore[misc]
    """The library's fan-out with a listener that reconnects and a periodic resync with the log.

    The library starts its listener once per process; after the first lost connection it delivers nothing any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.redis_listener = None  # replaced by _listen_forever
        self.reconnects = 0
        self._received = 0  # messages and answers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._shards = ShardSubscriptions()
        self._tasks: set[asyncio.Task[None]] = set()

    def add_listener(self, listener: JobListener) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._shards = loop, ShardSubscriptions()
            garbage.collect_rarely()
            # The loop holds weak references only: an unreferenced task may be garbage-collected while it runs.
            work = (self._listen_forever(), self._resync_forever(), keep_alives.send_forever())
            # In a context of their own: the log lines would have the ids of the first stream.
            self._tasks = {loop.create_task(forever, context=Context()) for forever in work}
        super().add_listener(listener)
        self._shards.add(listener.job_id)

    def remove_listener(self, listener: JobListener) -> None:
        super().remove_listener(listener)
        if listener.job_id not in self.listeners_by_channel:
            self._shards.remove(listener.job_id)

    async def wait_subscribed(self, listener: JobListener) -> None:
        """Wait until the events of the listener's job are received, or Redis turns out to be unreachable."""
        await self._shards.wait_confirmed(listener.job_id)

    @property
    def open_streams(self) -> int:
        with self.lock:
            return sum(len(listeners) for listeners in self.listeners_by_channel.values())

    def mark_behind(self, job_ids: Iterable[str] | None = None) -> None:
        """Make the streams of these jobs, or of all jobs, read the log."""
        for job_id in list(self.listeners_by_channel) if job_ids is None else job_ids:
            for listener in self._listeners(job_id):
                listener.overflow = True
                listener.deliver()

    def _listeners(self, job_id: str) -> tuple[JobListener, ...]:
        return tuple(self.listeners_by_channel.get(job_id, ()))  # `deliver` may remove one

    async def _listen_forever(self) -> None:
        backoff = 0.1
        while not is_cancelled():
            started = time.monotonic()
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                logger.warning("The relay lost Redis (%s); streams continue from the log.", error)
            except Exception:  # whatever a message or the client library raises, the listener goes on
                logger.exception("The relay's listener failed; restarting it.")
            self._shards.lose()
            key_checks.keep(False)
            self.reconnects += 1
            backoff = 0.1 if time.monotonic() - started > 10 else min(2 * backoff, 2.0)
            await asyncio.sleep(backoff)

    async def _listen(self) -> None:
        # RESP2: redis-py formats each message of RESP3 for a log line that nobody reads.
        async with async_redis_client(5.0, protocol=2) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(COMMON_CHANNEL, KEYS_CHANNEL)
            if is_cancelled():  # while it connected; the tasks below would never end
                return
            self._shards.connect()
            work = (self._receive(pubsub), self._shards.send_changes(pubsub), self._check_connection(pubsub))
            tasks = [asyncio.ensure_future(part) for part in work]
            try:
                # Not a TaskGroup: Python 3.11's leaves this task's count of cancellations at 1 (see is_cancelled).
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, pubsub: PubSub) -> None:
        replies = PubSubReplies(pubsub)
        while not is_cancelled():
            for reply in await replies.read():
                self._received += 1
                if reply[0] == b"message" and reply[1] != _KEYS:
                    self._fan_out(reply[2])
                elif message := await pubsub.handle_message(reply):  # type: ignore[no-untyped-call]
                    self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message["channel"] == _KEYS:
            key_checks.keep(True)
        elif message["type"] == "subscribe":
            # Events published before are in the log.
            self.mark_behind(self._shards.confirm(message["channel"].decode()))

    async def _check_connection(self, pubsub: PubSub) -> None:
        """Raise when Redis answers nothing: the connection to a host that is cut off stays open."""
        silent = 0
        while silent < 2 and not is_cancelled():  # Of one silence the loop may be the cause, held by something else.
            received = self._received
            await pubsub.ping()
            await asyncio.sleep(_PING_S)
            silent = silent + 1 if received == self._received else 0
        raise TimeoutError("no answer to PING")

    def _fan_out(self, text: bytes) -> None:
        try:
            message = json.loads(text)
            event = Event(message["channel"], message["event_type"], message["data"], id=int(message["pub_id"]))
        except (ValueError, KeyError, TypeError):
            logger.warning("The relay received a malformed message: %.200r", text)
            return
        listeners, frame = self._listeners(event.channel), encode(event)
        sent = [listener.send_now(event, frame) for listener in listeners]
        if all(sent):
            return
        self.add_to_queues(event.channel, event)
        for listener in self._listeners(event.channel):
            listener.deliver()

    async def _resync_forever(self) -> None:
        while not is_cancelled():
            # In parts over the whole interval: compared at once, 10,000 streams delay every event by 200 ms.
            job_ids = list(self.listeners_by_channel)
            starts = range(0, max(1, len(job_ids)), _COMPARED_AT_ONCE)
            for start in starts:
                await asyncio.sleep(settings.FORGE_RESYNC_S / len(starts))
                try:
                    self.mark_behind(await self._jobs_behind(job_ids[start : start + _COMPARED_AT_ONCE]))
                except DATABASE_ERRORS as error:
                    logger.warning("The relay could not compare its streams with the log: %s", error)
            self._shards.unsubscribe_idle()
            garbage.collect_if_due()

    async def _jobs_behind(self, job_ids: list[str]) -> set[str]:
        """Return those of the jobs whose log is ahead of one of their streams, or that were deleted."""
        sent = {
            job_id: min([listener.last_seq for listener in listeners])
            for job_id in job_ids
            if (listeners := self.listeners_by_channel.get(job_id))
        }
        return await run_in_log_pool(lambda: jobs_ahead(sent)) if sent else set()


fanout = JobListenerManager()
views.listener_manager = fanout
