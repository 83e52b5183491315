"""The fair queue: images are claimed round robin over accounts, and in submission order within an account.

Each image gets its due time (column `turn`) when it is queued: an account's first image the current one, the second
one a round later, and so on; with weight 2, half a round later. So 5,000 images of one account fill 5,000 rounds, and
another account's single image is in the first of them. Images of analyze-single have due times of their own, before
those of all other jobs. Due times are computed from the queued rows alone, so a crash loses no state; the next image
is the first row of an index.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, QuerySet

from forge.errors import QueueFull
from forge.models import Account, ImageAnalysis, Job

_QUEUED = {"status": ImageAnalysis.Status.QUEUED}
ROUND = 2520  # divisible by the weights 1 to 10
_FIRST_BULK = 2**40


def queue_of(account: Account) -> str:
    return account.queue or settings.FORGE_DEFAULT_QUEUE


def enqueue(*, account: Account, job: Job, is_single: bool = False) -> None:
    """Assign the queue and a due time to each image of a new job. Raises QueueFull.

    Call it in the transaction that charges the account: the lock on its row serializes the account's jobs.
    """
    queued = ImageAnalysis.objects.filter(**_QUEUED)
    # Requeued images have turn 0, which is not the current round.
    first, end = (1, _FIRST_BULK) if is_single else (_FIRST_BULK, 2**62)
    same_class = Q(turn__gte=first, turn__lt=end)
    own = queued.filter(job__account=account, job__finished_at=None).aggregate(
        count=Count("pk"), last=Max("turn", filter=same_class)
    )
    _require_capacity(own["count"], account.limit("images_waiting"))
    if settings.FORGE_MAX_QUEUED:
        _require_capacity(queued.count(), settings.FORGE_MAX_QUEUED)
    step, queue = ROUND // account.weight, queue_of(account)
    current = queued.filter(same_class, queue=queue).aggregate(first=Min("turn"))["first"] or first
    start = max(current, own["last"] + step) if own["last"] else current
    ImageAnalysis.objects.filter(job=job).update(queue=queue, turn=F("position") * step + start)


def _require_capacity(images: int, limit: int) -> None:
    if limit and images > limit:
        raise QueueFull(limit=limit, actual=images)


def next_queued(suspect: bool | None) -> int | None:
    """Return the next analysis in fair order of this worker's queues; None when none is queued.

    Concurrent callers skip its locked row. `suspect`: held by a dead worker before (True), or not (False).
    """
    attempts = {} if suspect is None else {"attempts__gt": 0} if suspect else {"attempts": 0}
    for rows in _served():
        queued = rows.filter(**attempts).select_for_update(skip_locked=True)
        if found := queued.values_list("pk", flat=True).first():
            return found
    return None


def suspect_is_next() -> bool:
    """Return whether a dead worker held the next analysis."""
    for rows in _served():
        attempts = rows.values_list("attempts", flat=True).first()
        if attempts is not None:
            return attempts > 0
    return False


def _served() -> Iterator[QuerySet[ImageAnalysis]]:
    for queue in settings.FORGE_QUEUES:
        yield ImageAnalysis.objects.filter(**_QUEUED, queue=queue).order_by("turn", "pk")
