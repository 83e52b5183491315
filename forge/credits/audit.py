"""Consistency checks of the ledger, jobs and event logs of a live database.

Each check is one query that returns only violations: it reads one snapshot and takes no lock, so it is exact while
workers write. Charges, refunds and events commit with the state that they belong to: no violation is transient.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from forge.models import Account, CreditEntry, ImageAnalysis, Job

_A = ImageAnalysis.Status
_OPEN_JOBS = (Job.Status.QUEUED, Job.Status.RUNNING)
_REFUNDED = (_A.FAILED, _A.CANCELLED)
_FREE = Q(job__action=Job.Action.SAMPLE)
_CHUNK_SIZE = 2000


@dataclass(frozen=True)
class Finding:
    """One violation. `where` is an account's name, a job's id, or `IMAGE in JOB`."""

    check: str
    where: str
    sentence: str


def findings() -> Iterator[Finding]:
    for check, find in CHECKS.items():
        yield from (Finding(check, where, sentence) for where, sentence in find())


Found = Iterator[tuple[str, str]]

# --- Credits ----------------------------------------------------------------------------------------------------------


def _wrong_balances() -> Found:
    accounts = Account.objects.annotate(entries=Coalesce(Sum("credit_entries__amount"), 0))
    wrong = accounts.exclude(entries=F("balance"), balance__gte=0).order_by()
    for name, balance, entries in _rows(wrong, "name", "balance", "entries"):
        yield name, f"the balance is {balance}, the entries add up to {entries}"


def _duplicate_entries() -> Found:
    image_entries = CreditEntry.objects.filter(kind__in=_image_kinds(), job_id__isnull=False).order_by()
    duplicates = (
        image_entries.values("job_id", "image_id", "kind", "language").annotate(times=Count("pk")).filter(times__gt=1)
    )
    for job, image, kind, times in duplicates.values_list("job_id", "image_id", "kind", "times").iterator():
        yield _location(job, image), f"{times} entries of the kind {kind}"


def _malformed_entries() -> Found:
    charge, refund, grant = (Q(kind=kind) for kind in ("charge", "refund", "grant"))
    named, nameless = Q(job_id__isnull=False, image_id__isnull=False), Q(job_id=None, image_id=None)
    right = (charge & Q(amount=-1) & named) | (refund & Q(amount=1) & named) | (grant & ~Q(amount=0) & nameless)
    # Sums of a day are at its midnight (forge/credits/daily_sums.py).
    summed = nameless & Q(created_at__hour=0, created_at__minute=0, created_at__second=0)
    right |= summed & ((charge & Q(amount__lt=0)) | (refund & Q(amount__gt=0)))
    wrong = CreditEntry.objects.exclude(right).order_by()
    for pk, job, image, kind, amount in _rows(wrong, "pk", "job_id", "image_id", "kind", "amount"):
        yield _location(job, image), f"entry {pk} is no {kind}: {amount:+d}"


def _refunds_without_charge() -> Found:
    charged = _entries("charge", OuterRef("job_id"), OuterRef("image_id"))
    charged = charged.filter(account=OuterRef("account_id"), language=OuterRef("language"))
    wrong = CreditEntry.objects.filter(~Exists(charged), kind="refund", job_id__isnull=False).order_by()
    for job, image in _rows(wrong, "job_id", "image_id"):
        yield _location(job, image), "refunded, and that account was never charged"


def _entries_without_analysis() -> Found:
    """Of existing jobs only: the ledger outlives deleted ones."""
    job = Job.objects.filter(pk=OuterRef("job_id"))
    analysis = ImageAnalysis.objects.filter(
        job_id=OuterRef("job_id"), image_id=OuterRef("image_id"), job__account=OuterRef("account_id")
    )
    wrong = CreditEntry.objects.filter(Exists(job), ~Exists(analysis), kind__in=_image_kinds()).order_by()
    for job_id, image, kind in _rows(wrong, "job_id", "image_id", "kind"):
        yield _location(job_id, image), f"the {kind} is another account's, or the job has no such image"


def _uncharged_analyses() -> Found:
    charged = _entries("charge", OuterRef("job_id"), OuterRef("image_id")).filter(language="")
    yield from _analyses(Q(~Exists(charged), ~_FREE), "{0}, and was never charged")


def _missing_refunds() -> Found:
    whole = _entries("refund", OuterRef("job_id"), OuterRef("image_id")).filter(language="")
    missing = Q(~Exists(whole), ~_FREE, status__in=_REFUNDED)
    yield from _analyses(missing, "{0} without a result, and was not refunded")


def _missing_refunds_of_translations() -> Found:
    translated = _entries("refund", OuterRef("job_id"), OuterRef("image_id")).exclude(language="")
    errors = Q(~Exists(translated), translation_errors__isnull=False)
    yield from _analyses(errors, "{0}, and a translation that failed was not refunded")


def _missing_refunds_of_languages() -> Found:
    """Return the translations of images without a result."""
    ended = ImageAnalysis.objects.filter(job=OuterRef("job_id"), image=OuterRef("image_id"), status__in=_REFUNDED)
    same = _entries("refund", OuterRef("job_id"), OuterRef("image_id")).filter(language=OuterRef("language"))
    charges = CreditEntry.objects.filter(Exists(ended), ~Exists(same), kind="charge").exclude(language="").order_by()
    for job, image, language in _rows(charges, "job_id", "image_id", "language"):
        yield _location(job, image), f"without a result, and its translation {language} was not refunded"


def _unexpected_refunds() -> Found:
    whole = _entries("refund", OuterRef("job_id"), OuterRef("image_id")).filter(language="")
    yield from _analyses(Q(Exists(whole)) & ~Q(status__in=_REFUNDED), "{0}, and was refunded")


def _unexpected_refunds_of_translations() -> Found:
    translated = _entries("refund", OuterRef("job_id"), OuterRef("image_id")).exclude(language="")
    unexpected = Q(Exists(translated), translation_errors__isnull=True) & ~Q(status__in=_REFUNDED)
    yield from _analyses(unexpected, "{0}, and a translation was refunded")


# --- Jobs -------------------------------------------------------------------------------------------------------------


def _wrong_counters() -> Found:
    counted = {state: Count("analyses", filter=Q(analyses__status=state)) for state in ("succeeded", "failed")}
    counted["cancelled"] = Count("analyses", filter=Q(analyses__status=_A.CANCELLED))
    counted["total"] = Count("analyses")
    counted["started"] = Count("analyses", filter=Q(analyses__current__isnull=False))
    jobs = Job.objects.annotate(**{f"{name}_rows": count for name, count in counted.items()})
    wrong = jobs.exclude(**{name: F(f"{name}_rows") for name in counted}).order_by()
    for job, *figures in _rows(wrong, "pk", *counted, *(f"{name}_rows" for name in counted)):
        stored, actual = figures[: len(counted)], figures[len(counted) :]
        differing = [f"{n} {a}, images {b}" for n, a, b in zip(counted, stored, actual, strict=True) if a != b]
        yield job, f"its counters do not match its images: {'; '.join(differing)}"


def _wrong_job_states() -> Found:
    all_ended = Q(total=F("succeeded") + F("failed") + F("cancelled"))
    valid_open = Q(~all_ended, finished_at=None, status__in=_OPEN_JOBS)
    valid_ended = Q(all_ended, finished_at__isnull=False) & ~Q(status__in=_OPEN_JOBS)
    wrong = Job.objects.exclude(valid_open | valid_ended).order_by()
    for job, status, total, *ended in _rows(wrong, "pk", "status", "total", "succeeded", "failed", "cancelled"):
        yield job, f"its status is {status}, and {sum(ended)} of {total} images ended"


# --- Events -----------------------------------------------------------------------------------------------------------


def _event_gaps() -> Found:
    first, last, number = Coalesce(Min("events__seq"), 1), Coalesce(Max("events__seq"), 0), Count("events")
    jobs = Job.objects.annotate(first_event=first, last_event=last, event_count=number)
    wrong = jobs.exclude(first_event=1, last_event=F("last_seq"), event_count=F("last_seq")).order_by()
    for job, last_seq, low, high, count in _rows(wrong, "pk", "last_seq", "first_event", "last_event", "event_count"):
        yield job, f"{count} events numbered {low} to {high}, where 1 to {last_seq} should be"


def _wrong_event_counts() -> Found:
    progress, result, error = (Count("events", filter=Q(events__type=kind)) for kind in ("progress", "result", "error"))
    jobs = Job.objects.annotate(progress_events=progress, result_events=result, error_events=error)
    wrong = jobs.exclude(
        progress_events=F("started"), result_events=F("succeeded"), error_events=F("failed") + F("cancelled")
    ).order_by()
    for job, *counts in _rows(wrong, "pk", "progress_events", "result_events", "error_events"):
        figures = "{} progress, {} result, {} error".format(*counts)
        yield job, f"its events do not match its images: {figures}"


def _wrong_complete_events() -> Found:
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
    "balance": _wrong_balances,
    "doubled": _duplicate_entries,
    "entry": _malformed_entries,
    "refund_of_nothing": _refunds_without_charge,
    "charge_of_nothing": _entries_without_analysis,
    "not_charged": _uncharged_analyses,
    "not_refunded": _missing_refunds,
    "refunded": _unexpected_refunds,
    "translation_not_refunded": _missing_refunds_of_translations,
    "language_not_refunded": _missing_refunds_of_languages,
    "translation_refunded": _unexpected_refunds_of_translations,
    "counters": _wrong_counters,
    "end": _wrong_job_states,
    "gap": _event_gaps,
    "events": _wrong_event_counts,
    "complete": _wrong_complete_events,
}


def _image_kinds() -> list[str]:
    return [CreditEntry.Kind.CHARGE, CreditEntry.Kind.REFUND]


def _entries(kind: str, job: OuterRef, image: OuterRef) -> QuerySet[CreditEntry]:
    return CreditEntry.objects.filter(job_id=job, image_id=image, kind=kind)


def _analyses(condition: Any, sentence: str) -> Found:
    wrong = ImageAnalysis.objects.filter(condition).order_by()
    for job, image, status in _rows(wrong, "job_id", "image_id", "status"):
        yield _location(job, image), sentence.format(status)


def _rows(rows: "QuerySet[Any]", *fields: str) -> Iterator[tuple[Any, ...]]:
    return rows.values_list(*fields).iterator(chunk_size=_CHUNK_SIZE)


def _location(job: str | None, image: str | None) -> str:
    return f"{image or 'no image'} in {job or 'no job'}"
