"""The queue and its workers, and a sentence that states whether the queue is stuck."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min

from forge.admin.front_page.images import Throughput
from forge.errors import Unavailable
from forge.models import ImageAnalysis
from forge.operations.live_workers import Worker, live_workers

_Status = ImageAnalysis.Status


@dataclass(frozen=True)
class Waiting:
    """Images that wait in one queue; `oldest`: when the job of the first of them was accepted."""

    queue: str
    number: int
    oldest: datetime


@dataclass(frozen=True)
class QueueState:
    """`workers` is None where Redis does not respond."""

    waiting: list[Waiting]
    processing: int
    workers: list[Worker] | None
    is_stuck: bool
    sentence: str

    @property
    def number(self) -> int:
        return sum(queue.number for queue in self.waiting)

    @property
    def oldest(self) -> datetime | None:
        return min((queue.oldest for queue in self.waiting), default=None)


def queue_state(now: datetime, throughput: Throughput) -> QueueState:
    try:
        workers: list[Worker] | None = live_workers()
    except Unavailable:
        workers = None
    waiting = _waiting()
    problem = stuck_reason(now, waiting, workers, throughput.last_ended)
    sentence = problem or _flow(now, waiting, throughput)
    processing = ImageAnalysis.objects.filter(status=_Status.PROCESSING).count()
    return QueueState(waiting, processing, workers, bool(problem), sentence)


def stuck_reason(
    now: datetime, waiting: Sequence[Waiting], workers: Sequence[Worker] | None, last_ended: datetime | None
) -> str:
    """Return why images that wait are not taken; empty where they are, or where none waits."""
    if not waiting:
        return "" if workers is not None else "Redis does not answer: no job is accepted, and no worker is known."
    number = sum(queue.number for queue in waiting)
    if workers is None:
        return f"Stuck: {_images(number)}, and Redis does not answer. Start it, or see its log."
    if not workers:
        return f"Stuck: {_images(number)}, and no worker is alive. Start one with `manage.py worker`."
    for queue in waiting:
        if all(worker.queues and queue.queue not in worker.queues for worker in workers):
            return (
                f"Stuck: {_images(queue.number)} in the queue {queue.queue}, which no live worker serves. "
                f"Start one with FORGE_QUEUES={queue.queue}."
            )
    return _standstill(now, waiting, workers, last_ended)


def _standstill(
    now: datetime, waiting: Sequence[Waiting], workers: Sequence[Worker], last_ended: datetime | None
) -> str:
    """An image may take as long as its timeout; after that, one must have ended."""
    patience = timedelta(seconds=settings.FORGE_ANALYSIS_TIMEOUT_S + settings.FORGE_LEASE_S)
    oldest = min(queue.oldest for queue in waiting)
    if now - max(oldest, last_ended or oldest) <= patience:
        return ""
    since = f"since {last_ended:%H:%M:%S} UTC" if last_ended else "for an hour or more"
    number = sum(queue.number for queue in waiting)
    return (
        f"Stuck: {_images(number)}, {len(workers)} worker{'s are' if len(workers) > 1 else ' is'} alive, and no image "
        f"has ended {since}. See the workers' logs."
    )


def _flow(now: datetime, waiting: Sequence[Waiting], throughput: Throughput) -> str:
    if not waiting:
        return "Not stuck: no image waits."
    number, oldest = sum(queue.number for queue in waiting), min(queue.oldest for queue in waiting)
    sentence = f"Not stuck: {_images(number)}, the oldest for {duration(now - oldest)}"
    if throughput.recent:
        rest = timedelta(minutes=number / throughput.recent)
        return f"{sentence}; at the present rate all are done in {duration(rest)}."
    return f"{sentence}."


def _waiting() -> list[Waiting]:
    """Ids of analyses grow in the order of acceptance, and the fair queue's index has them."""
    queued = ImageAnalysis.objects.filter(status=_Status.QUEUED).order_by()
    groups = {row["first"]: row for row in queued.values("queue").annotate(number=Count("pk"), first=Min("pk"))}
    accepted = ImageAnalysis.objects.filter(pk__in=groups).values_list("pk", "queue", "job__created_at")
    return sorted(
        (Waiting(queue, groups[pk]["number"], created) for pk, queue, created in accepted), key=lambda one: one.queue
    )


def _images(number: int) -> str:
    return "1 image waits" if number == 1 else f"{number:,} images wait"


def duration(value: timedelta) -> str:
    """Return a time in its largest two units, as `3 min 20 s`."""
    seconds = max(0, int(value.total_seconds()))
    units = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
    parts = []
    for unit, size in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {unit}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"
