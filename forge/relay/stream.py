import asyncio
import logging
import time
from collections.abc import AsyncIterator

from django.conf import settings

from forge.database import DATABASE_ERRORS
from forge.models import Account
from forge.relay.key_checks import key_checks
from forge.relay.listeners import JobListener, fanout
from forge.relay.log import read_log, run_in_log_pool

logger = logging.getLogger(__name__)

# Without a blank line, which client libraries take for the end of an event without data.
KEEP_ALIVE = b": keep-alive\n"


async def stream(*, account: Account, job_id: str, after: int, key_id: int | None = None) -> AsyncIterator[bytes]:
    """Yield the job's events after `after` as Server-Sent Events, until `complete` is sent or the job is deleted.

    `key_id`: of the API key that opened the stream. Made inactive, it ends the stream in place of the next event.
    """
    listener = JobListener(account=account, job_id=job_id, after=after, key_id=key_id)
    fanout.add_listener(listener)
    try:
        await fanout.wait_subscribed(listener)
        while not listener.ended:
            async for frames in _catch_up(listener):
                yield frames
            async for frames in _follow(listener):
                yield frames
    finally:
        fanout.remove_listener(listener)


async def _catch_up(listener: JobListener) -> AsyncIterator[bytes]:
    """Yield the events of the log that the stream has not sent."""
    more = True
    listener.drain()  # what was published by now is in the log
    while more and not listener.ended:
        try:
            events, more, finished = await run_in_log_pool(
                lambda: read_log(account=listener.account, job_id=listener.job_id, after=listener.last_seq)
            )
        except DATABASE_ERRORS as error:
            logger.warning("A stream of %s waits for the database: %s", listener.job_id, error)
            await asyncio.sleep(1.0)
            continue
        frames, _ = listener.encode_in_sequence(events)
        if frames:
            yield frames
        # With an `after` beyond the job's last event the client would otherwise wait for ever.
        listener.ended = listener.ended or (finished and not more)


async def _follow(listener: JobListener) -> AsyncIterator[bytes]:
    """Yield published events and keep-alives until an event is missing or the job has ended."""
    last_sent_at = time.monotonic()
    behind = False
    while not (behind or listener.ended):
        woken = await listener.wait(last_sent_at + settings.FORGE_KEEPALIVE_S - time.monotonic())
        if listener.key_id is not None and not await key_checks.is_accepted(listener.key_id):
            listener.ended = True
            return
        frames = b"" if woken else KEEP_ALIVE
        if woken:
            events, overflowed = listener.drain()
            frames, gap = listener.encode_in_sequence(events)
            behind = overflowed or gap
        if frames:
            last_sent_at = time.monotonic()
            yield frames
