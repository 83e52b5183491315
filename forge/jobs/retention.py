"""Removal of ended jobs with their analyses and events after FORGE_KEEP_DAYS; images keep their latest result.

Jobs of an expired session go with it (forge/sessions/expiry.py): this is for sessions that live longer.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from forge.clock import database_now
from forge.models import IdempotencyKey, ImageAnalysis, Job, Session
from forge.sessions.stored_images import variant_keys
from forge.storage import objects_delete

logger = logging.getLogger(__name__)

BATCH = 200  # jobs that are read at a time
# Images, about, of the jobs that one transaction removes; each has an analysis and two events.
GROUP_IMAGES = 300


def jobs_sweep(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Remove jobs that ended FORGE_KEEP_DAYS ago, oldest first, until none is left; return how many.

    A job stays as long as an idempotency key may ask for it. Workers may sweep concurrently.
    """
    if not settings.FORGE_KEEP_DAYS:
        return 0
    removed = 0
    while not is_stopping() and (batch := list(_removable().values_list("pk", "session_id", "total")[:BATCH])):
        gone = sum(_remove(group) for group in _groups(batch) if not is_stopping())
        if not gone:
            break  # another worker removes them
        removed += gone
    if removed:
        logger.info("%d jobs are removed, which ended %g days ago.", removed, settings.FORGE_KEEP_DAYS)
    return removed


def _removable() -> QuerySet[Job]:
    now = database_now()
    named = IdempotencyKey.objects.filter(job=OuterRef("pk"), expires_at__gt=now)
    ended = Job.objects.filter(finished_at__lt=now - timedelta(days=settings.FORGE_KEEP_DAYS))
    return ended.filter(~Exists(named)).order_by("finished_at")


def _groups(batch: list[tuple[str, str, int]]) -> Iterator[list[tuple[str, str]]]:
    group, images = list[tuple[str, str]](), 0
    for job_id, session_id, total in batch:
        if group and images + total > GROUP_IMAGES:
            yield group
            group, images = [], 0
        group.append((job_id, session_id))
        images += total
    yield group


@transaction.atomic
def _remove(group: list[tuple[str, str]]) -> int:
    # Lock order: the sessions' rows first, as where a session is deleted (docs/decisions/0005).
    sessions = Session.objects.select_for_update().filter(pk__in={session_id for _, session_id in group})
    list(sessions.order_by("pk").values_list("pk", flat=True))
    job_ids = [job_id for job_id, _ in group]
    # Files first: after a crash in between, the next sweep finds the rows.
    if not objects_delete([key for _, key in variant_keys(ImageAnalysis.objects.filter(job__in=job_ids))]):
        return 0
    _, rows = Job.objects.filter(pk__in=job_ids).delete()
    return rows.get("forge.Job", 0)
