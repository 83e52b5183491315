"""What becomes of images whose worker or message is lost: a claim is a lease, and a sweep finds what ran out."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from forge import dispatch, services, states
from forge.errors import AnalysisCrashed
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
    waiting = Q(sent_at__lt=now - timedelta(seconds=settings.FORGE_RESEND_S))
    overdue = ImageAnalysis.objects.filter(waiting, status=ImageAnalysis.Status.QUEUED).order_by("sent_at")[:500]
    # A long queue is no loss. Only when nothing waits on the broker has it forgotten what still waits here.
    if overdue and dispatch.broker_waiting() == 0:
        swept += [analysis.pk for analysis in overdue if _resend(analysis)]
    if swept:
        dispatch.send(len(swept))
    return len(swept)


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
    where = {"lease_until": analysis.lease_until, "holder": analysis.holder}
    return states.analysis_move(
        analysis.pk,
        source=ImageAnalysis.Status.PROCESSING,
        target=ImageAnalysis.Status.QUEUED,
        where=where,
        holder="",
        lease_until=None,
        sent_at=timezone.now(),
        turn=0,  # It had its turn.
    )
