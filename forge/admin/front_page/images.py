"""Images that ended, and jobs with failed images."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q

from forge.admin import html
from forge.models import ImageAnalysis, Job

MOST_JOBS = 10
_RECENT, _HOUR = timedelta(minutes=5), timedelta(hours=1)
_Status = ImageAnalysis.Status


@dataclass(frozen=True)
class Throughput:
    """Images a minute that ended, cancelled ones left out; `last_ended` None: none within the hour."""

    recent: float
    hour: float
    last_ended: datetime | None


@dataclass(frozen=True)
class Outcome:
    """`label` is `succeeded` or an error code."""

    label: str
    status: str
    number: int
    percent: float
    url: str


@dataclass(frozen=True)
class FailedJob:
    """`reasons` are (number of images, code, sentence), the most frequent first."""

    job: Job
    reasons: list[tuple[int, str, str]]
    url: str


def throughput(now: datetime) -> Throughput:
    ended = ImageAnalysis.objects.filter(finished_at__gt=now - _HOUR, status__in=[_Status.SUCCEEDED, _Status.FAILED])
    found = ended.order_by().aggregate(
        recent=Count("pk", filter=Q(finished_at__gt=now - _RECENT)), hour=Count("pk"), last=Max("finished_at")
    )
    return Throughput(found["recent"] / 5, found["hour"] / 60, found["last"])


def outcomes(today: datetime) -> list[Outcome]:
    """Return the images that ended since `today`: successes first, then failures by number, cancellations last."""
    rows = ImageAnalysis.objects.filter(finished_at__gte=today).order_by().values_list("status", "code")
    counts = [(status, code, number) for status, code, number in rows.annotate(number=Count("pk"))]
    total = sum(number for *_, number in counts)
    order = {_Status.SUCCEEDED: 0, _Status.FAILED: 1, _Status.CANCELLED: 2}
    counts.sort(key=lambda row: (order.get(_Status(row[0]), 3), -row[2]))
    return [
        Outcome(code or status, status, number, 100 * number / total, _outcome_url(status, code))
        for status, code, number in counts
    ]


def _outcome_url(status: str, code: str) -> str:
    if status == _Status.FAILED:
        return html.list_url("job", failure=code, ended="today")
    filters = {"failure": "cancelled"} if status == _Status.CANCELLED else {}
    return html.list_url("job", **filters, ended="today")


def failed_jobs(today: datetime) -> list[FailedJob]:
    """Return the newest jobs that ended since `today` with failed images, at most MOST_JOBS."""
    failed = Job.objects.filter(finished_at__gte=today, failed__gt=0).select_related("account")
    jobs = list(failed.order_by("-finished_at")[:MOST_JOBS])
    rows = ImageAnalysis.objects.filter(job__in=jobs, status=_Status.FAILED).order_by()
    reasons: dict[str, Counter[tuple[str, str]]] = {job.pk: Counter() for job in jobs}
    for job, code, error, number in rows.values_list("job_id", "code", "error").annotate(number=Count("pk")):
        reasons[job][code, error] += number
    return [
        FailedJob(
            job, [(n, code, error) for (code, error), n in reasons[job.pk].most_common()], html.page_url("job", job.pk)
        )
        for job in jobs
    ]
