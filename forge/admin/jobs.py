from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from forge.admin import html, provenance
from forge.admin.base import ReadOnlyAdmin
from forge.admin.credits import ledger_rows
from forge.admin.filters import AccountFilter, EndedFilter, JobFailureFilter
from forge.jobs import services
from forge.models import CreditEntry, ImageAnalysis, Job

_UNSUCCESSFUL = [ImageAnalysis.Status.FAILED, ImageAnalysis.Status.CANCELLED]
_MAX_EVENTS = 500  # a job has two for each image, and one more


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Jobs, read-only: an operator may cancel them."""

    list_display = [
        "short_id", "owner", "session_link", "status_badge", "progress", "failed", "reasons", "created", "ended",
    ]  # fmt: skip
    list_filter = [JobFailureFilter, EndedFilter, "action", "status", ("account", AccountFilter)]
    list_select_related = ["account"]
    search_help_text = "Job id, session id or account name"
    show_full_result_count = False
    sortable_by = ["created"]
    id_fields = {"job_": "id", "sess_": "session__id"}
    account_field = "account"
    actions = ["cancel"]
    readonly_fields = [
        "id",
        "account",
        "session",
        "action",
        "export_settings",
        "status_badge",
        "counts",
        "options_shown",
        "created",
        "finished",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        ended = ImageAnalysis.objects.filter(status__in=_UNSUCCESSFUL).only("job_id", "code").order_by()
        return super().get_queryset(request).prefetch_related(Prefetch("analyses", ended, to_attr="unsuccessful"))

    @admin.display(description="id", ordering="id")
    def short_id(self, job: Job) -> SafeString:
        return html.id_text(job.pk, short=True)

    @admin.display(description="account", ordering="account__name")
    def owner(self, job: Job) -> SafeString:
        return html.account_link(job.account)

    @admin.display(description="session", ordering="session_id")
    def session_link(self, job: Job) -> SafeString:
        return html.id_link("session", job.session_id, short=True)

    @admin.display(description="status", ordering="status")
    def status_badge(self, job: Job) -> SafeString:
        return html.status(job.status)

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        return f"{job.processed}/{job.total}"

    @admin.display(description="reason")
    def reasons(self, job: Job) -> str:
        """Return the codes of failed and cancelled images with their number."""
        codes = Counter(analysis.code for analysis in job.unsuccessful)  # type: ignore[attr-defined]
        return ", ".join(f"{number} {code}" for code, number in codes.most_common()) or html.NOTHING

    @admin.display(description="finished", ordering="finished_at")
    def ended(self, job: Job) -> str:
        """Return the time, with its date if that is not the date of creation: the list is wide."""
        same_day = job.finished_at and job.finished_at.date() == job.created_at.date()
        return f"{job.finished_at:%H:%M:%S} UTC" if same_day else html.timestamp(job.finished_at)

    @admin.display(ordering="finished_at")
    def finished(self, job: Job) -> str:
        return html.timestamp(job.finished_at)

    @admin.display(description="options")
    def options_shown(self, job: Job) -> SafeString | str:
        return html.formatted_json(job.options) if job.options else html.NOTHING

    @admin.display(description="images")
    def counts(self, job: Job) -> str:
        return (
            f"{job.processed} of {job.total} ended: {job.succeeded} succeeded, {job.failed} failed"
            f"{f'; {job.cancelled} cancelled' if job.cancelled else ''}; {job.started} have begun"
        )

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("forge.change_job")

    @admin.action(description="Cancel: what waits is refunded, what is under way finishes", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        for job in queryset:
            cancelled = services.job_cancel(job=job)
            if not cancelled:
                self.message_user(request, f"Nothing of {job} waits; it stays as it is.", messages.WARNING)
                continue
            self.log_change(request, job, f"Cancelled {cancelled} of {job.total} images")
            self.message_user(request, f"Cancelled and refunded {cancelled} of {job.total} images of {job}.")

    def related(self, row: Job) -> dict[str, Any]:
        analyses = row.analyses.select_related("image").order_by("position")
        events = row.events.order_by("seq")
        return {
            "analyses": [
                {
                    "analysis": analysis,
                    "thumbnail": html.thumbnail(analysis.image),
                    "status": html.status(analysis.status),
                    "provenance": provenance.tables(analysis.provenance or {}),
                }
                for analysis in analyses
            ],
            "events": [{"event": event, "data": html.formatted_text(event.data)} for event in events[:_MAX_EVENTS]],
            "events_url": html.list_url("jobevent", q=row.pk),
            "entries": ledger_rows(CreditEntry.objects.filter(job_id=row.pk)).order_by("pk"),
            "entries_url": html.list_url("creditentry", q=row.pk),
        }
