"""Periodic removal of expired sessions and orphaned files; the ledger stays."""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from forge.clock import database_now
from forge.models import Job, Session
from forge.sessions.files import FOLDER, files_remove

logger = logging.getLogger(__name__)

BATCH = 200  # sessions
# Longer than any upload takes from its files to its rows.
ORPHAN_AGE = timedelta(hours=1)


def sessions_sweep(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Remove expired sessions, oldest first, until none is left, and return how many.

    Workers may sweep concurrently. `is_stopping` ends the sweep early.
    """
    ended_before = database_now() - timedelta(seconds=settings.FORGE_EXPIRY_GRACE_S)
    removed = 0
    for session in _expired(ended_before):
        if is_stopping():
            break
        removed += _remove(session)
    if removed:
        logger.info("%d expired sessions are removed.", removed)
    return removed


def _expired(ended_before: datetime) -> Iterator[Session]:
    busy = Job.objects.filter(Q(finished_at=None) | Q(finished_at__gt=ended_before), session=OuterRef("pk"))
    expired = Session.objects.filter(~Exists(busy), expires_at__lt=ended_before).order_by("expires_at", "pk")
    batch = list(expired[:BATCH])
    while batch:
        yield from batch
        # After the last one: sessions that could not be removed would be read again and again.
        last = batch[-1]
        later = Q(expires_at__gt=last.expires_at) | Q(expires_at=last.expires_at, pk__gt=last.pk)
        batch = list(expired.filter(later)[:BATCH])


def orphans_sweep() -> int:
    """Remove files whose process died before it wrote their rows, and return how many."""
    removed = 0
    for folder in _folders_without_session():
        keys = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        is_old = all(default_storage.get_modified_time(key) < timezone.now() - ORPHAN_AGE for key in keys)
        if is_old and files_remove(keys):
            removed += len(keys)
    if removed:
        logger.warning("%d orphaned files are removed.", removed)
    return removed


def _folders_without_session() -> Iterator[str]:
    try:
        names = sorted(default_storage.listdir(FOLDER)[0])
    except (FileNotFoundError, NotImplementedError):  # before the first upload; a storage without folders
        return
    for start in range(0, len(names), BATCH):
        some = names[start : start + BATCH]
        existing = set(Session.objects.filter(pk__in=some).values_list("pk", flat=True))
        yield from (f"{FOLDER}/{name}" for name in some if name not in existing)


def _remove(session: Session) -> bool:
    """Return False if files could not be removed, or another worker has removed the session."""
    # Files first: after a crash in between, the next sweep finds the rows.
    return files_remove(list(session.images.values_list("storage_key", flat=True))) and _remove_rows(session)


@transaction.atomic
def _remove_rows(session: Session) -> bool:
    # Lock order: the session's row first.
    locked = Session.objects.select_for_update().filter(pk=session.pk).first()
    if locked is None:
        return False  # a concurrent sweep was first
    locked.delete()
    return True
