"""What becomes of images whose worker or message is lost: a claim is a lease, and a sweep finds what ran out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from forge.errors import AnalysisCrashed
from forge.jobs import dispatch, services, states
from forge.models import ImageAnalysis


def leases_renew(*, holder: str, analysis_ids: Sequence[int]) -> int:
    """The heartbeat of a worker for what it has under way."""
    until = timezone.now() + timedelta(seconds=settings.FORGE_LEASE_S)
    held = ImageAnalysis.objects.filter(pk__in=analysis_ids, status=ImageAnalysis.Status.PROCESSING, holder=holder)
    return held.update(lease_until=until)


def analyses_sweep() -> int:
    """Queues again what a dead worker held, and sends what is queued but not on the broker; says how many.

    Any number of workers may sweep at once: each row is taken by a compare-and-swap.
    """
    now = timezone.now()
    lost = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING, lease_until__lt=now).select_related(
        "job"
    )
    swept = [analysis.pk for analysis in lost[:500] if _give_back(analysis)]
    swept += [analysis.pk for analysis in _forgotten() if _resend(analysis)]
    if swept:
        dispatch.send(len(swept))
    return len(swept)


def analyses_release(*, holder: str) -> int:
    """Queues again what a worker holds that must end now; says how many. Its claims are void from then on."""
    held = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING, holder=holder)
    # No death to be counted: these images are not suspects for it.
    fewer = F("attempts") - 1
    released = [analysis.pk for analysis in held if _queue_again(analysis.pk, {"holder": holder}, attempts=fewer)]
    if released:
        dispatch.send(len(released))
    return len(released)


def _forgotten() -> list[ImageAnalysis]:
    """As many of those that wait as the broker has lost tasks: any task will do for any image."""
    margin = timedelta(seconds=settings.FORGE_RESEND_S)
    overdue = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.QUEUED, sent_at__lt=timezone.now() - margin)
    count = overdue.count()
    if not count:
        return []
    waiting = dispatch.broker_waiting()
    # What a dead worker took comes back late. When nothing else is left, nobody waits for it.
    lost = count - waiting - dispatch.broker_taken() if waiting else count
    return list(overdue.order_by("sent_at")[: max(0, min(lost, 500))])


def _resend(analysis: ImageAnalysis) -> bool:
    """Of several sweeps at once one sends it."""
    unsent = ImageAnalysis.objects.filter(pk=analysis.pk, status=ImageAnalysis.Status.QUEUED, sent_at=analysis.sent_at)
    return unsent.update(sent_at=timezone.now()) == 1


@transaction.atomic
def _give_back(analysis: ImageAnalysis) -> bool:
    """True when the image is to be sent again; after too many lost workers it fails alone instead."""
    if analysis.attempts >= settings.FORGE_MAX_ATTEMPTS:
        services.analysis_give_up(analysis=analysis, error=AnalysisCrashed())
        return False
    return _queue_again(analysis.pk, {"lease_until": analysis.lease_until, "holder": analysis.holder})


def _queue_again(analysis_id: int, where: dict[str, Any], **changes: Any) -> bool:
    return states.analysis_move(
        analysis_id,
        source=ImageAnalysis.Status.PROCESSING,
        target=ImageAnalysis.Status.QUEUED,
        where=where,
        holder="",
        lease_until=None,
        sent_at=timezone.now(),
        turn=0,  # It had its turn.
        **changes,
    )
