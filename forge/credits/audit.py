"""Whether a live database is as the promises say: each check is one query that returns only what is off.

One query each, so that a check sees one moment, also while workers write, and takes no lock. What is charged, refunded
and told is written in the transaction that changes the state, so at no moment may anything be off.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from forge.models import Account, CreditEntry, ImageAnalysis, Job

_A = ImageAnalysis.Status
_OPEN_JOBS = (Job.Status.QUEUED, Job.Status.RUNNING)
_UNPAID = (_A.FAILED, _A.CANCELLED)
_ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Finding:
    """`where` names the rows: an account's name, a job's id, an image's id in a job's."""

    check: str
    where: str
    sentence: str


def findings() -> Iterator[Finding]:
    for check, find in CHECKS.items():
        yield from (Finding(check, where, sentence) for where, sentence in find())


Found = Iterator[tuple[str, str]]

# --- Credits ----------------------------------------------------------------------------------------------------------


def _balances() -> Found:
    accounts = Account.objects.annotate(entries=Coalesce(Sum("credit_entries__amount"), 0))
    off = accounts.exclude(entries=F("balance"), balance__gte=0).order_by()
    for name, balance, entries in _rows(off, "name", "balance", "entries"):
        yield name, f"the balance is {balance}, the entries add up to {entries}"


def _doubles() -> Found:
    of_images = CreditEntry.objects.filter(kind__in=_kinds()).order_by()
    doubled = of_images.values("job_id", "image_id", "kind").annotate(times=Count("pk")).filter(times__gt=1)
    for job, image, kind, times in doubled.values_list("job_id", "image_id", "kind", "times").iterator():
        yield _place(job, image), f"{times} entries of the kind {kind}"


def _shapes() -> Found:
    charge, refund, grant = (Q(kind=kind) for kind in ("charge", "refund", "grant"))
    named, nameless = Q(job_id__isnull=False, image_id__isnull=False), Q(job_id=None, image_id=None)
    right = (charge & Q(amount=-1) & named) | (refund & Q(amount=1) & named) | (grant & ~Q(amount=0) & nameless)
    off = CreditEntry.objects.exclude(right).order_by()
    for pk, job, image, kind, amount in _rows(off, "pk", "job_id", "image_id", "kind", "amount"):
        yield _place(job, image), f"entry {pk} is no {kind}: {amount:+d}"


def _refunds_of_nothing() -> Found:
    charged = _entries("charge", OuterRef("job_id"), OuterRef("image_id")).filter(account=OuterRef("account_id"))
    off = CreditEntry.objects.filter(~Exists(charged), kind="refund").order_by()
    for job, image in _rows(off, "job_id", "image_id"):
        yield _place(job, image), "refunded, and that account was never charged"


def _charges_of_nothing() -> Found:
    """Of jobs that are still there: the ledger outlives deleted ones."""
    job = Job.objects.filter(pk=OuterRef("job_id"))
    analysis = ImageAnalysis.objects.filter(
        job_id=OuterRef("job_id"), image_id=OuterRef("image_id"), job__account=OuterRef("account_id")
    )
    off = CreditEntry.objects.filter(Exists(job), ~Exists(analysis), kind__in=_kinds()).order_by()
    for job_id, image, kind in _rows(off, "job_id", "image_id", "kind"):
        yield _place(job_id, image), f"the {kind} is another account's, or the job has no such image"


def _unpaid_results() -> Found:
    charged = _entries("charge", OuterRef("job_id"), OuterRef("image_id"))
    yield from _analyses(~Exists(charged), "{0}, and was never charged")


def _kept_credits() -> Found:
    refunded = _entries("refund", OuterRef("job_id"), OuterRef("image_id"))
    yield from _analyses(Q(~Exists(refunded), status__in=_UNPAID), "{0} without a result, and was not refunded")


def _gifts() -> Found:
    refunded = _entries("refund", OuterRef("job_id"), OuterRef("image_id"))
    yield from _analyses(Q(Exists(refunded)) & ~Q(status__in=_UNPAID), "{0}, and was refunded")


# --- Jobs -------------------------------------------------------------------------------------------------------------


def _counters() -> Found:
    counted = {state: Count("analyses", filter=Q(analyses__status=state)) for state in ("succeeded", "failed")}
    counted["cancelled"] = Count("analyses", filter=Q(analyses__status=_A.CANCELLED))
    counted["total"] = Count("analyses")
    counted["started"] = Count("analyses", filter=Q(analyses__current__isnull=False))
    jobs = Job.objects.annotate(**{f"{name}_rows": count for name, count in counted.items()})
    off = jobs.exclude(**{name: F(f"{name}_rows") for name in counted}).order_by()
    for job, *figures in _rows(off, "pk", *counted, *(f"{name}_rows" for name in counted)):
        said, there = figures[: len(counted)], figures[len(counted) :]
        wrong = [f"{n} {a}, images {b}" for n, a, b in zip(counted, said, there, strict=True) if a != b]
        yield job, f"its counters are not its images': {'; '.join(wrong)}"


def _ends() -> Found:
    all_ended = Q(total=F("succeeded") + F("failed") + F("cancelled"))
    open_as_it_should = Q(~all_ended, finished_at=None, status__in=_OPEN_JOBS)
    ended_as_it_should = Q(all_ended, finished_at__isnull=False) & ~Q(status__in=_OPEN_JOBS)
    off = Job.objects.exclude(open_as_it_should | ended_as_it_should).order_by()
    for job, status, total, *ended in _rows(off, "pk", "status", "total", "succeeded", "failed", "cancelled"):
        yield job, f"its status is {status}, and {sum(ended)} of {total} images ended"


# --- Events -----------------------------------------------------------------------------------------------------------


def _gaps() -> Found:
    first, last, number = Coalesce(Min("events__seq"), 1), Coalesce(Max("events__seq"), 0), Count("events")
    jobs = Job.objects.annotate(first_event=first, last_event=last, event_count=number)
    off = jobs.exclude(first_event=1, last_event=F("last_seq"), event_count=F("last_seq")).order_by()
    for job, said, low, high, count in _rows(off, "pk", "last_seq", "first_event", "last_event", "event_count"):
        yield job, f"{count} events numbered {low} to {high}, where 1 to {said} should be"


def _untold() -> Found:
    """Each image's end is one event, and so is its beginning."""
    progress, result, error = (Count("events", filter=Q(events__type=kind)) for kind in ("progress", "result", "error"))
    jobs = Job.objects.annotate(progress_events=progress, result_events=result, error_events=error)
    off = jobs.exclude(
        progress_events=F("started"), result_events=F("succeeded"), error_events=F("failed") + F("cancelled")
    ).order_by()
    for job, *told in _rows(off, "pk", "progress_events", "result_events", "error_events"):
        figures = "{} progress, {} result, {} error".format(*told)
        yield job, f"its events are not what became of its images: {figures}"


def _completes() -> Found:
    complete = Q(events__type="complete")
    jobs = Job.objects.annotate(
        completes=Count("events", filter=complete), complete_at=Coalesce(Max("events__seq", filter=complete), 0)
    )
    running = Q(finished_at=None, completes=0)
    ended = Q(finished_at__isnull=False, completes=1, complete_at=F("last_seq"))
    for job, finished, count, at, last in _rows(
        jobs.exclude(running | ended).order_by(), "pk", "finished_at", "completes", "complete_at", "last_seq"
    ):
        state = "ended" if finished else "running"
        yield job, f"{state}, with {count} complete events" + (f", event {at} of {last}" if count else "")


CHECKS: dict[str, Callable[[], Found]] = {
    "balance": _balances,
    "doubled": _doubles,
    "entry": _shapes,
    "refund_of_nothing": _refunds_of_nothing,
    "charge_of_nothing": _charges_of_nothing,
    "not_charged": _unpaid_results,
    "not_refunded": _kept_credits,
    "refunded": _gifts,
    "counters": _counters,
    "end": _ends,
    "gap": _gaps,
    "events": _untold,
    "complete": _completes,
}


def _kinds() -> list[str]:
    return [CreditEntry.Kind.CHARGE, CreditEntry.Kind.REFUND]


def _entries(kind: str, job: OuterRef, image: OuterRef) -> QuerySet[CreditEntry]:
    return CreditEntry.objects.filter(job_id=job, image_id=image, kind=kind)


def _analyses(condition: Any, sentence: str) -> Found:
    off = ImageAnalysis.objects.filter(condition).order_by()
    for job, image, status in _rows(off, "job_id", "image_id", "status"):
        yield _place(job, image), sentence.format(status)


def _rows(rows: "QuerySet[Any]", *fields: str) -> Iterator[tuple[Any, ...]]:
    return rows.values_list(*fields).iterator(chunk_size=_ROWS_AT_ONCE)


def _place(job: str | None, image: str | None) -> str:
    return f"{image or 'no image'} in {job or 'no job'}"
