"""One open stream: published events are sent at once; a task is made only for what has to be awaited."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any

from django_eventstream.event import Event

from forge.database import DATABASE_ERRORS
from forge.models import Account
from forge.relay.keep_alives import KEEP_ALIVE, keep_alives
from forge.relay.key_checks import key_checks
from forge.relay.listeners import JobListener, fanout
from forge.relay.log import read_log, run_in_log_pool

logger = logging.getLogger(__name__)

Send = Callable[[bytes], Awaitable[None]]


class JobStream(JobListener):
    """Sends a job's events after `after` as Server-Sent Events, until `complete` is sent or the job is deleted.

    `key_id`: of the API key that opened the stream. Made inactive, it ends the stream in place of the next event.
    """

    def __init__(self, *, account: Account, job_id: str, after: int, key_id: int | None = None) -> None:
        super().__init__(account_id=account.pk, job_id=job_id, after=after)
        self.key_id = key_id
        self._is_due = False
        self._send: Send
        self._end: asyncio.Future[None]
        self._task: asyncio.Task[None] | None = None

    async def run(self, send: Send, disconnected: asyncio.Future[Any] | None = None) -> None:
        """Send the stream to its end, or until `disconnected` is done. Raises what `send` raises."""
        self._send = send
        self._end = asyncio.get_running_loop().create_future()
        if disconnected is not None:
            disconnected.add_done_callback(self._disconnect)
        fanout.add_listener(self)
        keep_alives.restart(self)
        self._task = start(self._send_queued(first=True))
        try:
            await self._end
        finally:
            fanout.remove_listener(self)
            keep_alives.remove(self)
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    def deliver(self) -> None:
        if self._task is None and not self._end.done():
            self._task = start(self._send_queued())

    def send_now(self, event: Event, frame: bytes) -> bool:
        if event.id != self.last_seq + 1 or not self._is_free():
            return False
        keep_alives.restart(self)
        self._task = start(self._send_queued(self.take(event, frame)))
        return True

    def keep_alive(self) -> None:
        if self._is_free():
            self._task = start(self._send_queued(KEEP_ALIVE))
        else:
            self._is_due = True
            self.deliver()

    def _is_free(self) -> bool:
        """Return whether the stream can send at once: nothing comes before, and its key is accepted."""
        waits = self._task is not None or self.overflow or self.channel_items or self.ended or self._end.done()
        return not waits and key_checks.is_kept(self.key_id)

    def _disconnect(self, _: object) -> None:
        if not self._end.done():
            self._end.set_result(None)

    async def _send_queued(self, frames: bytes = b"", *, first: bool = False) -> None:
        """Send `frames`, then what has been queued or is in the log."""
        try:
            if frames:
                await self._send(frames)
            if first:
                await self._catch_up()
            while not self.ended and (self.overflow or self.channel_items or self._is_due):
                await self._send_next()
        except Exception as error:  # noqa: BLE001 (whatever `send` raises is raised by `run`)
            if not self._end.done():
                self._end.set_exception(error)
        else:
            if self.ended and not self._end.done():
                self._end.set_result(None)
        self._task = None

    async def _send_next(self) -> None:
        if self.key_id is not None and not await key_checks.is_accepted(self.key_id):
            self.ended = True
            return
        if self.overflow:
            await self._catch_up()
            return
        frames, self._is_due = KEEP_ALIVE if self._is_due else b"", False
        if self.channel_items:
            published, self.overflow = self.encode_in_sequence(self.drain()[0])
            frames = published or frames
        if frames:
            keep_alives.restart(self)
            await self._send(frames)

    async def _catch_up(self) -> None:
        """Send the events of the log that the stream has not sent."""
        await asyncio.sleep(0)  # `asyncio.timeout` needs a task of this stream (see `start`)
        await fanout.wait_subscribed(self)
        self.drain()  # what was published by now is in the log
        more = True
        while more and not self.ended:
            try:
                events, more, finished = await run_in_log_pool(
                    lambda: read_log(account_id=self.user_id, job_id=self.job_id, after=self.last_seq)
                )
            except DATABASE_ERRORS as error:
                logger.warning("A stream of %s waits for the database: %s", self.job_id, error)
                await asyncio.sleep(1.0)
                continue
            frames, _ = self.encode_in_sequence(events)
            if frames:
                keep_alives.restart(self)
                await self._send(frames)
            # With an `after` beyond the job's last event the client would otherwise wait for ever.
            self.ended = self.ended or (finished and not more)


async def stream(*, account: Account, job_id: str, after: int, key_id: int | None = None) -> AsyncIterator[bytes]:
    """Yield what a `JobStream` sends."""
    frames: asyncio.Queue[bytes] = asyncio.Queue()
    sending = JobStream(account=account, job_id=job_id, after=after, key_id=key_id)
    running = asyncio.ensure_future(sending.run(frames.put))
    running.add_done_callback(lambda _: frames.put_nowait(b""))
    try:
        while sent := await frames.get():
            yield sent
        running.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run a coroutine until it waits for something, and the rest in a task; return the task, if any.

    As eager tasks of Python 3.12: most events are sent without waiting. Until then the current task is the caller's.
    """
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_Begun(work, awaited))


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine that has run until it waited for `awaited`."""

    def __init__(self, work: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._work = work
        self._awaited = [awaited]

    def send(self, value: Any) -> Any:
        return self._awaited.pop() if self._awaited else self._work.send(value)

    def throw(self, *error: Any) -> Any:
        self._awaited.clear()
        return self._work.throw(*error)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("It runs as a task.")
