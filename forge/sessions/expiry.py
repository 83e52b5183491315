"""Expired sessions go, with their files, rows and words; the ledger stays. So do files that no row knows of."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from forge.models import Job, Session
from forge.sessions.files import FOLDER, files_remove

logger = logging.getLogger(__name__)

MOST = 200  # sessions a sweep; the next one goes on
# No upload takes so long between its files and its rows.
ORPHANED = timedelta(hours=1)


def sessions_sweep() -> int:
    """Removes sessions that are over, oldest first; says how many. Any number of workers may sweep at once."""
    over = timezone.now() - timedelta(seconds=settings.FORGE_EXPIRY_GRACE_S)
    busy = Job.objects.filter(Q(finished_at=None) | Q(finished_at__gt=over), session=OuterRef("pk"))
    expired = Session.objects.filter(~Exists(busy), expires_at__lt=over).order_by("expires_at")
    removed = sum(_remove(session) for session in expired[:MOST])
    if removed:
        logger.info("%d expired sessions are removed.", removed)
    return removed


def orphans_sweep() -> int:
    """Removes the files of sessions that have no row: of a process that died between the two. Says how many files."""
    removed = 0
    for folder in _unknown_folders():
        keys = [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
        if all(default_storage.get_modified_time(key) < timezone.now() - ORPHANED for key in keys) and files_remove(
            keys
        ):
            removed += len(keys)
    if removed:
        logger.warning("%d stored files that belonged to no session are removed.", removed)
    return removed


def _unknown_folders() -> Iterator[str]:
    try:
        names = sorted(default_storage.listdir(FOLDER)[0])
    except (FileNotFoundError, NotImplementedError):  # nobody has uploaded anything yet; a storage without folders
        return
    for start in range(0, len(names), MOST):
        some = names[start : start + MOST]
        known = set(Session.objects.filter(pk__in=some).values_list("pk", flat=True))
        yield from (f"{FOLDER}/{name}" for name in some if name not in known)


def _remove(session: Session) -> bool:
    """False when another worker had it, or when its files could not be removed: it is tried again."""
    # Files first: what dies in between leaves rows that are found again, not files that nobody knows of.
    return files_remove(list(session.images.values_list("storage_key", flat=True))) and _remove_rows(session)


@transaction.atomic
def _remove_rows(session: Session) -> bool:
    # The session's row first, as everywhere; of several sweeps at once the second finds it gone.
    locked = Session.objects.select_for_update().filter(pk=session.pk).first()
    if locked is None:
        return False
    locked.delete()
    return True
