import asyncio
import logging
import time
from collections.abc import AsyncIterator

from django.conf import settings

from forge.database import DATABASE_ERRORS
from forge.models import Account
from forge.relay.listeners import JobListener, fanout
from forge.relay.log import from_log, read_log

logger = logging.getLogger(__name__)

RETRY_MS = 2000
KEEP_ALIVE = b": keep-alive\n\n"


async def stream(*, account: Account, job_id: str, after: int) -> AsyncIterator[bytes]:
    """The job's events after `after` as Server-Sent Events, until `complete` is sent or the job is gone."""
    listener = JobListener(account=account, job_id=job_id, after=after)
    fanout.add_listener(listener)
    try:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while not listener.ended:
            async for frames in _catch_up(listener):
                yield frames
            async for frames in _follow(listener):
                yield frames
    finally:
        fanout.remove_listener(listener)


async def _catch_up(listener: JobListener) -> AsyncIterator[bytes]:
    """Reads the log from where the stream stands to its end."""
    more = True
    while more and not listener.ended:
        try:
            events, more, finished = await from_log(
                lambda: read_log(account=listener.account, job_id=listener.job_id, after=listener.last_seq)
            )
        except DATABASE_ERRORS as error:
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
