"""Recover images whose worker or task was lost: a claim is a lease, and a sweep requeues what expired."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F

from forge.clock import database_now
from forge.errors import REFUNDED, AnalysisCrashed, AnalysisFailed, ExportFailed, ForgeError
from forge.jobs import dispatch, services, states
from forge.jobs.claims import Claim
from forge.models import ImageAnalysis, Job

_SWEEP_LIMIT = 500


def leases_renew(*, holder: str, analysis_ids: Sequence[int]) -> int:
    """Renew the leases of a worker's in-flight images at its heartbeat; return how many it holds."""
    until = database_now() + timedelta(seconds=settings.FORGE_LEASE_S)
    held = ImageAnalysis.objects.filter(pk__in=analysis_ids, status=ImageAnalysis.Status.PROCESSING, holder=holder)
    return held.update(lease_until=until)


def analyses_sweep(*, in_flight: Sequence[int] = ()) -> int:
    """Requeue images whose lease expired and resend lost tasks; return how many.

    Any number of workers may sweep at once: each row is changed by compare-and-swap. `in_flight`: the analyses that the
    caller works on, whose leases expired because it was delayed itself; they are no crash of theirs.
    """
    processing = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING).exclude(pk__in=in_flight)
    expired = processing.filter(lease_until__lt=database_now()).select_related("job")
    swept = [_task(analysis) for analysis in expired[:_SWEEP_LIMIT] if _requeue_or_fail(analysis)]
    swept += [_task(analysis) for analysis in _lost_by_broker() if _mark_resent(analysis)]
    if swept:
        dispatch.send(swept)
    return len(swept)


def analyses_release(*, holder: str) -> int:
    """Requeue the in-flight images of a worker that shuts down and void its claims; return how many."""
    held = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING, holder=holder)
    # A graceful shutdown is no crash: these images do not become suspects.
    fewer = F("attempts") - 1
    released = [_task(analysis) for analysis in held if _requeue(analysis.pk, {"holder": holder}, attempts=fewer)]
    if released:
        dispatch.send(released)
    return len(released)


def analysis_requeue(*, claim: Claim, is_attempt: bool) -> bool:
    """Queue a claimed image again, because what it needs is away; False when the claim is no longer held.

    `is_attempt`: it may be the cause, and fails after FORGE_MAX_ATTEMPTS of them.
    """
    analysis = ImageAnalysis.objects.filter(pk=claim.analysis_id, attempts=claim.attempt, holder=claim.holder).first()
    if analysis is None:
        return False
    if is_attempt and analysis.attempts >= settings.FORGE_MAX_ATTEMPTS:
        return services.analysis_fail(claim=claim, error=AnalysisFailed())
    where = {"holder": claim.holder, "attempts": claim.attempt}
    if not _requeue(analysis.pk, where, **({} if is_attempt else {"attempts": F("attempts") - 1})):
        return False
    dispatch.send([_task(analysis)])
    return True


def _task(analysis: ImageAnalysis) -> dispatch.QueuedImage:
    return analysis.queue, analysis.image_id


def _lost_by_broker() -> list[ImageAnalysis]:
    """Return as many overdue images as the broker has lost tasks: any task serves any image."""
    margin = timedelta(seconds=settings.FORGE_RESEND_S)
    overdue = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.QUEUED, sent_at__lt=database_now() - margin)
    lost_analyses: list[ImageAnalysis] = []
    for queue, count in overdue.order_by().values_list("queue").annotate(Count("pk")):
        lost = count - dispatch.broker_queue_length(queue)
        lost_analyses += overdue.filter(queue=queue).order_by("sent_at")[: max(0, min(lost, _SWEEP_LIMIT))]
    return lost_analyses


def _mark_resent(analysis: ImageAnalysis) -> bool:
    """Compare-and-swap `sent_at`, so that one of several concurrent sweeps resends."""
    unsent = ImageAnalysis.objects.filter(pk=analysis.pk, status=ImageAnalysis.Status.QUEUED, sent_at=analysis.sent_at)
    return unsent.update(sent_at=database_now()) == 1


@transaction.atomic
def _requeue_or_fail(analysis: ImageAnalysis) -> bool:
    """Return True when the image is queued again; after FORGE_MAX_ATTEMPTS lost workers it fails instead."""
    if analysis.attempts >= settings.FORGE_MAX_ATTEMPTS:
        services.analysis_fail_expired(analysis=analysis, error=_crashed(analysis))
        return False
    return _requeue(analysis.pk, {"lease_until": analysis.lease_until, "holder": analysis.holder})


def _crashed(analysis: ImageAnalysis) -> ForgeError:
    if analysis.job.action == Job.Action.ANALYZE:
        return AnalysisCrashed()
    return ExportFailed(f"The export of this image ended a worker again and again.{REFUNDED}")


def _requeue(analysis_id: int, where: dict[str, Any], **changes: Any) -> bool:
    return states.analysis_transition(
        analysis_id,
        source=ImageAnalysis.Status.PROCESSING,
        target=ImageAnalysis.Status.QUEUED,
        where=where,
        holder="",
        lease_until=None,
        sent_at=database_now(),
        turn=0,  # before every round: its own round was served already
        **changes,
    )
