"""How images and jobs end, in the caller's transaction: the state, its event, the counter and the credit together."""

from typing import Any

from django.utils import timezone

from forge.credits import ledger
from forge.errors import ForgeError
from forge.jobs import states
from forge.jobs.events import Complete, event_record
from forge.models import ImageAnalysis, Job

_A = ImageAnalysis.Status
_J = Job.Status
_COUNTERS: dict[str, str] = {_A.FAILED: "failed", _A.CANCELLED: "cancelled"}


def image_end_unpaid(
    analysis_id: int,
    job_id: str,
    image_id: str,
    *,
    source: ImageAnalysis.Status,
    target: ImageAnalysis.Status,
    where: dict[str, Any],
    error: ForgeError,
) -> bool:
    """Ends an image without words and gives its credit back; False when it is no longer as the caller thinks."""
    ended = states.analysis_move(
        analysis_id,
        source=source,
        target=target,
        where=where,
        error=error.sentence[:300],
        code=error.code,
        finished_at=timezone.now(),
        lease_until=None,
    )
    if not ended:
        return False  # Another worker has it, or it ended already: its credit is not given back twice.
    event_record(
        job_id=job_id, type="error", data={"imageId": image_id, "error": error.sentence[:300], "code": error.code}
    )
    job = states.job_count(job_id, _COUNTERS[target])
    ledger.refund(account_id=job.account_id, job_id=job_id, image_id=image_id, note=error.code)
    job_end_if_last(job)
    return True


def job_end_if_last(job: Job) -> None:
    if job.processed < job.total:
        return
    status = _final_status(job)
    # A job of which no image ever began has not run.
    source = _J.RUNNING if job.started else _J.QUEUED
    if not states.job_move(job.pk, source=source, target=status, finished_at=timezone.now()):
        return  # It ended already.
    complete: Complete = {
        "status": status,
        "processed": job.processed,
        "total": job.total,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "creditsCharged": job.total,
        "creditsRefunded": job.failed + job.cancelled,
    }
    event_record(job_id=job.pk, type="complete", data=complete)


def _final_status(job: Job) -> Job.Status:
    if job.cancelled:
        return _J.CANCELLED
    if not job.failed:
        return _J.COMPLETE
    return _J.PARTIAL if job.succeeded else _J.FAILED
