"""The two state tables, and the only compare-and-swap that changes a status.

ImageAnalysis    queued ──claim──▶ processing ──┬─▶ succeeded
                    ▲                 │         └─▶ failed
                    └──lease ran out──┘
                 queued ──▶ cancelled            queued ──▶ failed (given up before it began again)

Job              queued ──first claim──▶ running ──last image ended──▶ complete | partial | failed | cancelled
                 queued ──every image cancelled──▶ cancelled
"""

from typing import Any

from django.db import transaction
from django.db.models import F

from forge.models import ImageAnalysis, Job

_A = ImageAnalysis.Status
_J = Job.Status

ANALYSIS_MOVES: dict[str, frozenset[str]] = {
    _A.QUEUED: frozenset({_A.PROCESSING, _A.CANCELLED, _A.FAILED}),
    _A.PROCESSING: frozenset({_A.SUCCEEDED, _A.FAILED, _A.QUEUED}),
}
JOB_MOVES: dict[str, frozenset[str]] = {
    _J.QUEUED: frozenset({_J.RUNNING, _J.CANCELLED, _J.FAILED}),
    _J.RUNNING: frozenset({_J.COMPLETE, _J.PARTIAL, _J.FAILED, _J.CANCELLED}),
}


class IllegalMove(Exception):
    """The tables above do not know this change: a mistake in the program, never in the data."""


def analysis_move(analysis_id: int, *, source: str, target: str, where: dict[str, Any], **changes: Any) -> bool:
    """Moves one analysis if it still is in `source` and meets `where`; False when somebody else got there first."""
    if target not in ANALYSIS_MOVES.get(source, ()):
        raise IllegalMove(f"analysis: {source} → {target}")
    rows = ImageAnalysis.objects.filter(pk=analysis_id, status=source, **where)
    return rows.update(status=target, **changes) == 1


def job_move(job_id: str, *, source: str, target: str, **changes: Any) -> bool:
    if target not in JOB_MOVES.get(source, ()):
        raise IllegalMove(f"job: {source} → {target}")
    return Job.objects.filter(pk=job_id, status=source).update(status=target, **changes) == 1


def job_count(job_id: str, counter: str) -> Job:
    """Adds one to a counter of the job and returns the job as this transaction sees it, its row locked by the update.

    Counting and then reading in one transaction is what makes numbers gapless: of two workers the second waits
    at the update until the first has committed.
    """
    assert transaction.get_connection().in_atomic_block
    Job.objects.filter(pk=job_id).update(**{counter: F(counter) + 1})
    return Job.objects.get(pk=job_id)
