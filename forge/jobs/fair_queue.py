"""Whose image is next: accounts take turns, and an account's images come in the order in which it sent them.

Each image is given the round in which it is due (`turn`) as it is queued: an account's first image is due in the round
that is now being served, each further one a round later. So whoever sends 5,000 images is in the line 5,000 rounds
long, and whoever sends one is in the first of them. Rounds are known from the waiting rows alone: nothing is kept
beside them that a crash could lose, and the next image is the first of an index.
"""

from django.conf import settings
from django.db.models import Count, F, Max, Min

from forge.errors import QueueFull
from forge.models import Account, ImageAnalysis, Job

_WAITING = {"status": ImageAnalysis.Status.QUEUED}


def enqueue(*, account: Account, job: Job) -> None:
    """Gives the images of a new job their turns. Raises QueueFull.

    In the transaction that charges the account: its row is locked, so that two jobs of one account are counted and
    lined up one after the other.
    """
    waiting = ImageAnalysis.objects.filter(**_WAITING)
    own = waiting.filter(job__account=account, job__finished_at=None).aggregate(count=Count("pk"), last=Max("turn"))
    _require_room(own["count"], account.limit("images_waiting"))
    if settings.FORGE_MAX_QUEUED:
        _require_room(waiting.count(), settings.FORGE_MAX_QUEUED)
    # What a dead worker held has turn 0 and tells nothing of the round.
    served = waiting.filter(turn__gt=0).aggregate(first=Min("turn"))["first"] or 1
    due = max(served, own["last"] + 1)
    ImageAnalysis.objects.filter(job=job).update(turn=F("position") + due)


def _require_room(images: int, limit: int) -> None:
    if limit and images > limit:
        raise QueueFull(limit=limit, actual=images)


def next_waiting(suspect: bool | None) -> int | None:
    """The analysis whose turn it is, its row locked where the database locks rows; others take the one after it.

    `suspect`: of those that a dead worker held, or of those that none did.
    """
    wanted = {} if suspect is None else {"attempts__gt": 0} if suspect else {"attempts": 0}
    waiting = ImageAnalysis.objects.filter(**_WAITING, **wanted).select_for_update(skip_locked=True)
    return waiting.order_by("turn", "pk").values_list("pk", flat=True).first()


def suspect_is_next() -> bool:
    attempts = ImageAnalysis.objects.filter(**_WAITING).order_by("turn", "pk").values_list("attempts", flat=True)
    return bool(attempts.first())
