"""The fair queue: images are claimed round robin over accounts, and in submission order within an account.

Each image gets its round (column `turn`) when it is queued: an account's first image the current round, the second one
the round after, and so on. So 5,000 images of one account fill 5,000 rounds, and another account's single image is in
the first of them. Rounds are computed from the queued rows alone, so a crash loses no state; the next image is the
first row of an index.
"""

from django.conf import settings
from django.db.models import Count, F, Max, Min

from forge.errors import QueueFull
from forge.models import Account, ImageAnalysis, Job

_QUEUED = {"status": ImageAnalysis.Status.QUEUED}


def enqueue(*, account: Account, job: Job) -> None:
    """Assign a round to each image of a new job. Raises QueueFull.

    Call it in the transaction that charges the account: the lock on its row serializes the account's jobs.
    """
    queued = ImageAnalysis.objects.filter(**_QUEUED)
    own = queued.filter(job__account=account, job__finished_at=None).aggregate(count=Count("pk"), last=Max("turn"))
    _require_capacity(own["count"], account.limit("images_waiting"))
    if settings.FORGE_MAX_QUEUED:
        _require_capacity(queued.count(), settings.FORGE_MAX_QUEUED)
    # Requeued images have turn 0, which is not the current round.
    current_round = queued.filter(turn__gt=0).aggregate(first=Min("turn"))["first"] or 1
    first_round = max(current_round, own["last"] + 1)
    ImageAnalysis.objects.filter(job=job).update(turn=F("position") + first_round)


def _require_capacity(images: int, limit: int) -> None:
    if limit and images > limit:
        raise QueueFull(limit=limit, actual=images)


def next_queued(suspect: bool | None) -> int | None:
    """Return the next analysis in fair order; None when none is queued.

    Concurrent callers skip its locked row. `suspect`: held by a dead worker before (True), or not (False).
    """
    attempts = {} if suspect is None else {"attempts__gt": 0} if suspect else {"attempts": 0}
    queued = ImageAnalysis.objects.filter(**_QUEUED, **attempts).select_for_update(skip_locked=True)
    return queued.order_by("turn", "pk").values_list("pk", flat=True).first()


def suspect_is_next() -> bool:
    """Return whether a dead worker held the next analysis."""
    attempts = ImageAnalysis.objects.filter(**_QUEUED).order_by("turn", "pk").values_list("attempts", flat=True)
    return bool(attempts.first())
