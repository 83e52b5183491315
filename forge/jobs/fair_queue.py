"""The fair queue: images are claimed round robin over accounts, and in submission order within an account.

Each image gets its due time (column `turn`) when it is queued: an account's first image the current one, the second
one a round later, and so on; with weight 2, half a round later. So 5,000 images of one account fill 5,000 rounds, and
another account's single image is in the first of them. Images of analyze-single have due times of their own, before
those of all other jobs. Due times are computed from the queued rows alone, so a crash loses no state; the next image
is the first row of an index.
"""

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet

from forge.errors import QueueFull
from forge.models import Account, ImageAnalysis, Job

_QUEUED = {"status": ImageAnalysis.Status.QUEUED}
ROUND = 2520  # divisible by the weights 1 to 10
_FIRST_BULK = 2**40
_CLAIMED = (
    "attempts", "current", "job", "image", "image__storage_key", "image__original_filename",
    "job__request_id", "job__action", "job__options", "job__account", "job__account__extra_terms",
)  # fmt: skip
# The account's queued images and the last due time among them, all queued images, and the current due time of the
# queue. As text: Django's compilation of three queries is more work than the statement.
_STATE = """
    SELECT count(*), max(own.turn) FILTER (WHERE own.turn >= %(first)s AND own.turn < %(end)s),
        (SELECT count(*) FROM forge_imageanalysis WHERE status = 'queued' AND %(most)s > 0),
        (SELECT min(turn) FROM forge_imageanalysis
         WHERE status = 'queued' AND queue = %(queue)s AND turn >= %(first)s AND turn < %(end)s)
    FROM (SELECT job_id, turn FROM forge_imageanalysis WHERE status = 'queued') own
    JOIN forge_job job ON job.id = own.job_id
    WHERE job.account_id = %(account)s AND job.finished_at IS NULL
"""


def queue_of(account: Account) -> str:
    return account.queue or settings.FORGE_DEFAULT_QUEUE


def enqueue(*, account: Account, job: Job, is_single: bool = False) -> None:
    """Assign the queue and a due time to each image of a new job. Raises QueueFull.

    Call it in the transaction that charges the account: the lock on its row serializes the account's jobs.
    """
    # Requeued images have turn 0, which is not the current round.
    first, end = (1, _FIRST_BULK) if is_single else (_FIRST_BULK, 2**62)
    step, queue, most = ROUND // account.weight, queue_of(account), settings.FORGE_MAX_QUEUED
    values: dict[str, str | int] = {"account": account.pk, "queue": queue, "first": first, "end": end, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_STATE, values)
        own, own_last, queued, current = cursor.fetchone()
    _require_capacity(own, account.limit("images_waiting"))
    _require_capacity(queued, most)
    # The account's earlier images may wait in another queue, where it has been given another one since.
    start = max(current or first, own_last + step if own_last else first)
    ImageAnalysis.objects.filter(job=job).update(queue=queue, turn=F("position") * step + start)


def _require_capacity(images: int, limit: int) -> None:
    if limit and images > limit:
        raise QueueFull(limit=limit, actual=images)


def next_queued(suspect: bool | None) -> ImageAnalysis | None:
    """Return the next analysis in fair order of this worker's queues, its row locked; None when none is queued.

    It is read with what a claim needs of its image, job and account. Concurrent callers skip a locked row. `suspect`:
    held by a dead worker before (True), or not (False).
    """
    attempts = {} if suspect is None else {"attempts__gt": 0} if suspect else {"attempts": 0}
    for queue in settings.FORGE_QUEUES:
        rows = claimable().filter(queue=queue, **attempts).order_by("turn", "pk")
        if found := rows.first():
            return found
    return None


def claimable() -> QuerySet[ImageAnalysis]:
    """Return the queued analyses; each row is locked as it is read, and skipped where it is locked."""
    rows = ImageAnalysis.objects.select_for_update(skip_locked=True, of=("self",)).filter(**_QUEUED)
    return rows.select_related("image", "job__account").only(*_CLAIMED)
