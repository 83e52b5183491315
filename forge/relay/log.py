"""The event log as django-eventstream reads it, and the thread pool that reads it for all streams."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import OperationalError, close_old_connections, connection
from django_eventstream.channelmanager import ChannelManagerBase
from django_eventstream.event import Event
from django_eventstream.storage import StorageBase

from forge.models import Account, Job, JobEvent

PAGE_SIZE = 100  # events
_READ_S = 30.0

_T = TypeVar("_T")
_JOBS_AHEAD = """
SELECT sent.key FROM {json_each}(%s) AS sent LEFT JOIN forge_job AS job ON job.id = sent.key
WHERE job.id IS NULL OR job.last_seq > CAST(sent.value AS integer)
"""
_JSON_EACH = {"postgresql": {"json_each": "json_each_text"}, "sqlite": {"json_each": "json_each"}}
# One small pool, so that neither threads nor database connections grow with the number of streams.
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="relay-log")


class JobEventStorage(StorageBase):  # type: ignore[misc]
    """Map the library's terms to the log: a channel is a job, an id is a `seq`."""

    def append_event(self, channel: str, event_type: str, data: Any) -> Event:
        raise RuntimeError("Events are recorded by forge.jobs.events, in the transaction of the state they describe.")

    def get_events(self, channel: str, last_id: int, limit: int = PAGE_SIZE) -> list[Event]:
        rows = JobEvent.objects.filter(job_id=channel, seq__gt=last_id).order_by("seq")[:limit]
        return [Event(channel, row.type, row.data, id=row.seq) for row in rows]

    def get_current_id(self, channel: str) -> int:
        return Job.objects.values_list("last_seq", flat=True).filter(pk=channel).first() or 0


_storage = JobEventStorage()


class JobChannelManager(ChannelManagerBase):  # type: ignore[misc]
    """Allow each account to read its own jobs."""

    def get_channels_for_request(self, request: Any, view_kwargs: dict[str, Any]) -> set[str]:
        return {view_kwargs["job_id"]}

    def can_read_channel(self, user: Account | None, channel: str) -> bool:
        return user is not None and Job.objects.filter(pk=channel, account=user).exists()

    def is_channel_reliable(self, channel: str) -> bool:
        return True


def read_log(*, account_id: str, job_id: str, after: int) -> tuple[list[Event], bool, bool]:
    """Return a page of events, whether more follow, and whether the job had ended before the read.

    Not the library's `get_events`, which takes three queries: a stream that has missed nothing needs one.
    """
    jobs = Job.objects.filter(pk=job_id, account_id=account_id).values_list("last_seq", "finished_at")
    job = next(iter(jobs), None)  # `first` would order them, which takes as long as the query
    if job is None:
        return [], False, True  # The session was deleted while the stream was open.
    last_seq, finished_at = job
    events = _storage.get_events(job_id, after, PAGE_SIZE + 1) if after < last_seq else []
    return events[:PAGE_SIZE], len(events) > PAGE_SIZE, finished_at is not None


def jobs_ahead(sent: dict[str, int]) -> set[str]:
    """Return those of the jobs whose last event comes after the given one, or that were deleted.

    The database compares: jobs with thousands of streams that have missed nothing return no rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_JOBS_AHEAD.format(**_JSON_EACH[connection.vendor]), [json.dumps(sent)])
        return {job_id for (job_id,) in cursor.fetchall()}


async def run_in_log_pool(read: Callable[[], _T]) -> _T:
    """Run a database read outside the event loop, in the thread pool that all streams share.

    Raises OperationalError when it takes longer than _READ_S, its wait for a thread included.
    """

    def read_and_close() -> _T:
        close_old_connections()
        try:
            return read()
        finally:
            # A waiting stream must hold no connection; on PostgreSQL this returns it to the pool.
            close_old_connections()

    try:
        async with asyncio.timeout(_READ_S):
            return await asyncio.get_running_loop().run_in_executor(_pool, read_and_close)
    except TimeoutError as error:
        raise OperationalError(f"no answer in {_READ_S:g} s") from error
