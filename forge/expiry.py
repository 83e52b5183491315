"""Expired sessions go, with their files, rows and words; the ledger stays."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from forge.models import Job, Session
from forge.uploads import files_remove

MOST = 200  # sessions a sweep; the next one goes on


def sessions_sweep() -> int:
    """Removes sessions that are over, oldest first; says how many. Any number of workers may sweep at once."""
    over = timezone.now() - timedelta(seconds=settings.FORGE_EXPIRY_GRACE_S)
    busy = Job.objects.filter(Q(finished_at=None) | Q(finished_at__gt=over), session=OuterRef("pk"))
    expired = Session.objects.filter(~Exists(busy), expires_at__lt=over).order_by("expires_at")
    return sum(_remove(session) for session in expired[:MOST])


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
