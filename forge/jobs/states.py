"""The two state machines, and the only compare-and-swap that changes a status.

ImageAnalysis    queued ──claim──▶ processing ──┬─▶ succeeded
                    ▲                 │         └─▶ failed
                    └──lease expired──┘
                 queued ──▶ cancelled            queued ──▶ failed (out of attempts before it began again)

Job              queued ──first claim──▶ running ──last image ended──▶ complete | partial | failed | cancelled
                 queued ──every image cancelled──▶ cancelled
"""

from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When

from forge.database import update_returning
from forge.models import ImageAnalysis, Job

_A = ImageAnalysis.Status
_J = Job.Status

ANALYSIS_TRANSITIONS: dict[str, frozenset[str]] = {
    _A.QUEUED: frozenset({_A.PROCESSING, _A.CANCELLED, _A.FAILED}),
    _A.PROCESSING: frozenset({_A.SUCCEEDED, _A.FAILED, _A.QUEUED}),
}
JOB_TRANSITIONS: dict[str, frozenset[str]] = {
    _J.QUEUED: frozenset({_J.RUNNING, _J.CANCELLED, _J.FAILED}),
    _J.RUNNING: frozenset({_J.COMPLETE, _J.PARTIAL, _J.FAILED, _J.CANCELLED}),
}


class IllegalTransition(Exception):
    """A transition that the tables above do not contain: a bug in the program, never bad data."""


def analysis_transition(analysis_id: int, *, source: str, target: str, where: dict[str, Any], **changes: Any) -> bool:
    """Compare-and-swap an analysis that matches `where`; False when another process was first."""
    if target not in ANALYSIS_TRANSITIONS.get(source, ()):
        raise IllegalTransition(f"analysis: {source} → {target}")
    rows = ImageAnalysis.objects.filter(pk=analysis_id, status=source, **where)
    return rows.update(status=target, **changes) == 1


def job_transition(job_id: str, *, source: str, target: str, **changes: Any) -> Job | None:
    """Compare-and-swap a job and return it; None when another process was first."""
    if target not in JOB_TRANSITIONS.get(source, ()):
        raise IllegalTransition(f"job: {source} → {target}")
    rows = Job.objects.filter(pk=job_id, status=source)
    return next(iter(update_returning(rows, status=target, **changes)), None)


def job_increment(job_id: str, *counters: str, **changes: Any) -> Job:
    """Increment counters and return the job. The update locks its row until commit, so numbers are gapless."""
    assert transaction.get_connection().in_atomic_block
    incremented = {counter: F(counter) + 1 for counter in counters}
    (job,) = update_returning(Job.objects.filter(pk=job_id), **incremented, **changes)
    return job


def job_count_start(job_id: str) -> Job:
    """Count the start of an image, and its event; the first one makes the job run."""
    first = When(status=_J.QUEUED, then=Value(_J.RUNNING))
    return job_increment(job_id, "started", "last_seq", status=Case(first, default=F("status")))
