from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date

from forge.clock import database_now
from forge.errors import (
    IMAGE_ERRORS,
    AnalysisCancelled,
    AnalysisCrashed,
    AnalysisFailed,
    AnalysisTimeout,
    ExportFailed,
    ForgeError,
    ImageGone,
    NoCaption,
    OptionUnsupported,
)
from forge.jobs.events import EVENTS
from forge.models import Account, ImageAnalysis, Job, JobEvent

_MAX_ACCOUNTS = 50
_DAYS_BY_DATE = 7
_FAILURES: tuple[type[ForgeError], ...] = (
    AnalysisFailed, AnalysisTimeout, AnalysisCrashed, ExportFailed, ImageGone, NoCaption, OptionUnsupported,
)  # fmt: skip
FAILURE_CODES = sorted(error.code for error in (*_FAILURES, *IMAGE_ERRORS.values()))
CANCELLED = AnalysisCancelled.code
_Status = ImageAnalysis.Status


class AccountFilter(admin.RelatedFieldListFilter):
    """The first accounts by name; the search box finds the others."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return list(Account.objects.order_by("name").values_list("pk", "name")[:_MAX_ACCOUNTS])


class EventTypeFilter(admin.SimpleListFilter):
    """The event types as constants: Django's filter would scan the whole event log for them."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(name, name) for name in EVENTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[JobEvent]) -> QuerySet[JobEvent]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class _FailureFilter(admin.SimpleListFilter):
    """Failures of any code or one; cancellations are apart, since nothing went wrong."""

    title = "failure"
    parameter_name = "failure"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("any", "any failure"), *((code, code) for code in FAILURE_CODES), (CANCELLED, "cancelled, not failed")]


class JobFailureFilter(_FailureFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        match self.value():
            case None | "":
                return queryset
            case "any":
                return queryset.filter(failed__gt=0)
            case value if value == CANCELLED:
                return queryset.filter(cancelled__gt=0, failed=0)
            case code:
                failed = ImageAnalysis.objects.filter(status=_Status.FAILED, code=code)
                return queryset.filter(failed__gt=0, pk__in=failed.values("job"))


class ImageFailureFilter(_FailureFilter):
    def queryset(self, request: HttpRequest, queryset: QuerySet[ImageAnalysis]) -> QuerySet[ImageAnalysis]:
        match self.value():
            case None | "":
                return queryset
            case "any":
                return queryset.filter(status=_Status.FAILED)
            case value if value == CANCELLED:
                return queryset.filter(status=_Status.CANCELLED)
            case code:
                return queryset.filter(status=_Status.FAILED, code=code)


class DayFilter(admin.SimpleListFilter):
    """Days of UTC by `field`; each value but `week` and `month` is `today` or a date."""

    field: str

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        today = database_now().date()
        days = [today - timedelta(days=back) for back in range(1, _DAYS_BY_DATE)]
        return [("today", "today"), *((str(day), str(day)) for day in days), ("week", "7 days"), ("month", "30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (value := self.value()):
            return queryset
        start, end = _range(value)
        return queryset.filter(**{f"{self.field}__gte": start, f"{self.field}__lt": end})


class EndedFilter(DayFilter):
    title = "ended (UTC)"
    parameter_name = "ended"
    field = "finished_at"


class CreatedFilter(DayFilter):
    title = "created (UTC)"
    parameter_name = "created"
    field = "created_at"


def _range(value: str) -> tuple[datetime, datetime]:
    """Return first and end of a filter's value. Raises IncorrectLookupParameters."""
    # The admin responds with the whole list.
    today = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = today + timedelta(days=1)
    if (days := {"today": 1, "week": 7, "month": 30}.get(value)) is not None:
        return tomorrow - timedelta(days=days), tomorrow
    day = day_of(value)
    if day is None:
        raise IncorrectLookupParameters(f"{value!r} is no date.")
    start = today.replace(year=day.year, month=day.month, day=day.day)
    return start, start + timedelta(days=1)


def day_of(text: str) -> date | None:
    """Return the day of `YYYY-MM-DD`, None for another text and for days that no time zone arithmetic reaches."""
    try:
        day = parse_date(text)
    except ValueError:  # well formed, and no day
        return None
    return day if day and 1970 <= day.year < 9999 else None
