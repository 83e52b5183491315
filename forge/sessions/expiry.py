"""Periodic removal of expired sessions and orphaned files; the ledger stays."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from forge.clock import database_now
from forge.models import Image, ImageAnalysis, Job, Session
from forge.sessions.stored_images import images_delete, variant_keys
from forge.storage import PROBES, UPLOADS, StorageUnavailable, objects_delete, stored_files, stored_folders

logger = logging.getLogger(__name__)

BATCH = 200  # sessions that are read at a time
# Sessions and, about, images that one transaction removes: it costs a write to the disk, and holds SQLite's lock.
GROUP, GROUP_IMAGES = 20, 1_000
# Longer than any upload takes from its files to its rows.
ORPHAN_AGE = timedelta(hours=1)


def sessions_sweep(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Remove expired sessions, oldest first, until none is left, and return how many.

    Workers may sweep concurrently. `is_stopping` ends the sweep early.
    """
    ended_before = database_now() - timedelta(seconds=settings.FORGE_EXPIRY_GRACE_S)
    removed = 0
    for group in chain.from_iterable(map(_groups, _expired(ended_before))):
        if is_stopping():
            break
        removed += _remove(group)
    if removed:
        logger.info("%d expired sessions are removed.", removed)
    return removed


def _expired(ended_before: datetime) -> Iterator[list[Session]]:
    busy = Job.objects.filter(Q(finished_at=None) | Q(finished_at__gt=ended_before), session=OuterRef("pk"))
    expired = Session.objects.filter(~Exists(busy), expires_at__lt=ended_before).order_by("expires_at", "pk")
    batch = list(expired[:BATCH])
    while batch:
        yield batch
        # After the last one: sessions that could not be removed would be read again and again.
        last = batch[-1]
        later = Q(expires_at__gt=last.expires_at) | Q(expires_at=last.expires_at, pk__gt=last.pk)
        batch = list(expired.filter(later)[:BATCH])


def orphans_sweep() -> int:
    """Remove files whose process died before it wrote their rows, and return how many."""
    removed = 0
    try:
        for names in stored_folders(UPLOADS):
            existing = set(Session.objects.filter(pk__in=names).values_list("pk", flat=True))
            removed += sum(_remove_old(f"{UPLOADS}/{name}") for name in names if name not in existing)
        removed += _remove_old(PROBES, prefix=f"{PROBES}/probe-")
    except StorageUnavailable as error:
        logger.warning("The storage could not be searched for orphaned files: %s", error)
    if removed:
        logger.warning("%d orphaned files are removed.", removed)
    return removed


def _remove_old(folder: str, prefix: str = "") -> int:
    """Remove the old files of a folder whose names begin so, page by page, and return how many."""
    old_before = timezone.now() - ORPHAN_AGE
    removed = 0
    for page in stored_files(folder):
        names = [file.name for file in page if file.modified < old_before and file.name.startswith(prefix)]
        removed += len(names) if objects_delete(names) else 0
    return removed


def _groups(batch: list[Session]) -> Iterator[list[Session]]:
    counted = Image.objects.filter(session__in=batch).order_by().values_list("session").annotate(Count("pk"))
    images = dict(counted)
    group: list[Session] = []
    for session in batch:
        group.append(session)
        if len(group) >= GROUP or sum(images.get(one.pk, 0) for one in group) >= GROUP_IMAGES:
            yield group
            group = []
    if group:
        yield group


def _remove(group: list[Session]) -> int:
    """Return how many were removed: not those whose files could not be, or that another worker removed."""
    keys = defaultdict[str, list[str]](list)
    for session_id, key in Image.objects.filter(session__in=group).values_list("session_id", "storage_key"):
        keys[session_id].append(key)
    exported = defaultdict[str, list[str]](list)
    for session_id, key in variant_keys(ImageAnalysis.objects.filter(job__session__in=group)):
        exported[session_id].append(key)
    # Files first: after a crash in between, the next sweep finds the rows.
    removed = [one.pk for one in group if objects_delete(exported[one.pk]) and images_delete(keys[one.pk])]
    return _remove_rows(removed)


@transaction.atomic
def _remove_rows(session_ids: list[str]) -> int:
    # Lock order: the sessions' rows first, and those in one order.
    locked = Session.objects.select_for_update().filter(pk__in=session_ids).order_by("pk")
    found = list(locked.values_list("pk", flat=True))
    Session.objects.filter(pk__in=found).delete()
    return len(found)
