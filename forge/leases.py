"""What becomes of images whose worker or message is lost: a claim is a lease, and a sweep finds what ran out."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
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
    swept += [analysis.pk for analysis in _forgotten() if _resend(analysis)]
    if swept:
        dispatch.send(swept)
    return len(swept)


def analysis_is_suspect(*, analysis_id: int) -> bool:
    """Whether it waits again because the worker that held it died: of this image perhaps."""
    waiting = ImageAnalysis.objects.filter(pk=analysis_id, status=ImageAnalysis.Status.QUEUED)
    return waiting.filter(attempts__gt=0).exists()


def analyses_release(*, holder: str) -> int:
    """Queues again what a worker holds that must end now; says how many. Its claims are void from then on."""
    held = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING, holder=holder)
    # No death to be counted: these images are not suspects for it.
    fewer = F("attempts") - 1
    released = [analysis.pk for analysis in held if _queue_again(analysis.pk, {"holder": holder}, attempts=fewer)]
    if released:
        dispatch.send(released)
    return len(released)


def _forgotten() -> list[ImageAnalysis]:
    """What is queued here and not on the broker.

    A long queue is no loss. But when nothing waits on the broker it has lost what still waits here, and when what
    was sent later is being analysed, it has lost what was sent before it: an account's images come in their order.
    """
    margin = timedelta(seconds=settings.FORGE_RESEND_S)
    queued = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.QUEUED).order_by("sent_at")
    overdue = queued.filter(sent_at__lt=timezone.now() - margin)
    if not overdue.exists():
        return []
    if dispatch.broker_waiting() == 0:
        return list(overdue[:500])
    under_way = ImageAnalysis.objects.filter(status=ImageAnalysis.Status.PROCESSING)
    newest = under_way.values_list("job__account").annotate(newest=Max("sent_at")).order_by()
    return [
        analysis
        for account, sent_at in newest
        for analysis in overdue.filter(job__account=account, sent_at__lt=sent_at - margin)[:500]
    ]


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
        **changes,
    )
