"""End images and jobs in the caller's transaction: state, event, counter and credit together."""

from typing import Any

from django.db.models import F

from analysis_options import translations_of
from forge.clock import DatabaseNow
from forge.credits import ledger
from forge.errors import REFUNDED, ForgeError
from forge.jobs import states
from forge.jobs.events import (
    Assessment,
    CompleteData,
    ExportCompleteData,
    ExportedImage,
    ExportResultData,
    Extras,
    ImageMetadata,
    ResultData,
    VariantData,
    event_record,
)
from forge.models import Image, ImageAnalysis, Job
from forge.sessions.corrections import result_record

_A = ImageAnalysis.Status
_J = Job.Status
_COUNTERS: dict[str, str] = {_A.FAILED: "failed", _A.CANCELLED: "cancelled"}


def analysis_end_succeeded(
    analysis_id: int,
    job_id: str,
    image: Image,
    *,
    where: dict[str, Any],
    metadata: ImageMetadata,
    assessment: Assessment,
    extras: Extras,
    provenance: dict[str, Any] | None,
    overwrites_edits: bool = False,
) -> bool:
    """End an analysis with its result, which becomes the image's; False when it no longer matches `where`."""
    result: dict[str, Any] = {
        "metadata": metadata,
        "kind": assessment["kind"],
        "confidence": assessment["confidence"],
        "needs_review": assessment["needsReview"],
        "unused_keywords": extras.get("unusedKeywords"),
        "decorative": extras.get("decorative"),
        "translations": extras.get("translations"),
        "translation_errors": extras.get("translationErrors"),
    }
    if not _end(analysis_id, where=where, **result, provenance=provenance):
        return False
    result_record(image, result, overwrites_edits=overwrites_edits)
    job = _success_record({"jobId": job_id, "imageId": image.pk, "metadata": metadata, **assessment, **extras})
    for language, failure in extras.get("translationErrors", {}).items():
        ledger.refund(
            account_id=job.account_id, job_id=job_id, image_id=image.pk, note=failure["code"], language=language
        )
    job_complete_if_last(job)
    return True


def export_end_succeeded(
    analysis_id: int, job_id: str, image_id: str, *, where: dict[str, Any], variants: list[VariantData]
) -> bool:
    """End an image of an export with its variants; False when it no longer matches `where`."""
    if not _end(analysis_id, where=where, variants=variants):
        return False
    job_complete_if_last(_success_record({"jobId": job_id, "imageId": image_id, "variants": variants}))
    return True


def analysis_end_refunded(
    analysis_id: int,
    job_id: str,
    image_id: str,
    *,
    source: ImageAnalysis.Status,
    target: ImageAnalysis.Status,
    where: dict[str, Any],
    error: ForgeError,
) -> bool:
    """End an image without a result and refund it, unless its job was free.

    Return False when it no longer matches `source` and `where`.
    """
    sentence = _sentence(job_id, error)
    if not _end(analysis_id, source=source, target=target, where=where, error=sentence, code=error.code):
        return False  # no second refund
    job = states.job_increment(job_id, _COUNTERS[target], "last_seq")
    event_record(
        type="error",
        data={"jobId": job_id, "imageId": image_id, "error": sentence, "code": error.code},
        seq=job.last_seq,
    )
    if job.is_charged:
        for language in ("", *translations_of(job.options)):
            ledger.refund(
                account_id=job.account_id, job_id=job_id, image_id=image_id, note=error.code, language=language
            )
    job_complete_if_last(job)
    return True


def _end(
    analysis_id: int,
    *,
    source: ImageAnalysis.Status = _A.PROCESSING,
    target: ImageAnalysis.Status = _A.SUCCEEDED,
    where: dict[str, Any],
    **changes: Any,
) -> bool:
    """End an image; False where it has ended, or its lease expired and it was claimed again."""
    return states.analysis_transition(
        analysis_id, source=source, target=target, where=where, **changes, finished_at=DatabaseNow(), lease_until=None
    )


def _success_record(data: ResultData | ExportResultData) -> Job:
    """Count an image that succeeded, and record its event; return the job."""
    job = states.job_increment(data["jobId"], "succeeded", "last_seq")
    event_record(type="result", data=data, seq=job.last_seq)
    return job


def job_complete_if_last(job: Job) -> None:
    """End the job and record its `complete` event if all its images have ended."""
    if job.processed < job.total:
        return
    status = _final_status(job)
    source = _J.RUNNING if job.started else _J.QUEUED
    ended = states.job_transition(
        job.pk, source=source, target=status, finished_at=DatabaseNow(), last_seq=F("last_seq") + 1
    )
    if ended is None:
        return  # Already ended.
    charged, refunded = _credits(job)
    complete: CompleteData = {
        "jobId": job.pk,
        "status": status,
        "processed": job.processed,
        "total": job.total,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "creditsCharged": charged,
        "creditsRefunded": refunded,
    }
    if job.action != Job.Action.ANALYZE:
        exported: ExportCompleteData = {**complete, "results": _exported(job)}
        complete = exported
    event_record(type="complete", data=complete, seq=ended.last_seq)


def _final_status(job: Job) -> Job.Status:
    if job.cancelled:
        return _J.CANCELLED
    if not job.failed:
        return _J.COMPLETE
    return _J.PARTIAL if job.succeeded else _J.FAILED


def _credits(job: Job) -> tuple[int, int]:
    """Return how many credits a job was charged, and how many of them were refunded."""
    if not job.is_charged:
        return 0, 0
    languages = 1 + len(translations_of(job.options))
    refunded = ledger.refunded(job.pk) if languages > 1 else job.failed + job.cancelled
    return ledger.cost(images=job.total, languages=languages), refunded


def _exported(job: Job) -> list[ExportedImage]:
    rows = job.analyses.filter(status=_A.SUCCEEDED).order_by("position").values_list("image_id", "variants")
    return [{"imageId": image_id, "variants": variants or []} for image_id, variants in rows]


def _sentence(job_id: str, error: ForgeError) -> str:
    """Return the error's sentence, without the refund where nothing was charged."""
    is_free = Job.objects.filter(pk=job_id, action=Job.Action.SAMPLE).exists()
    return (error.sentence.removesuffix(REFUNDED) if is_free else error.sentence)[:300]
