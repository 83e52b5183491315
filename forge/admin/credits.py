from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from forge.admin import html
from forge.admin.base import ReadOnlyAdmin
from forge.admin.filters import AccountFilter, CreatedFilter
from forge.models import CreditEntry, ImageAnalysis

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _States(TypedDict):
        state: str | None
        code: str | None

    LedgerRow: TypeAlias = WithAnnotations[CreditEntry, _States]


def ledger_rows(entries: QuerySet[CreditEntry]) -> "QuerySet[LedgerRow]":
    """Annotate entries with `state` and `code` of their image; both None if the job is deleted or there is none."""
    analysis = ImageAnalysis.objects.filter(job=OuterRef("job_id"), image=OuterRef("image_id")).order_by()
    return entries.annotate(state=Subquery(analysis.values("status")[:1]), code=Subquery(analysis.values("code")[:1]))


@admin.register(CreditEntry)
class CreditEntryAdmin(ReadOnlyAdmin[CreditEntry]):
    list_display = ["created", "owner", "signed_amount", "kind", "job", "image", "note"]
    list_filter = ["kind", CreatedFilter, ("account", AccountFilter)]
    list_select_related = ["account"]
    search_help_text = "Job id, image id or account name"
    id_fields = {"job_": "job_id", "img_": "image_id"}
    account_field = "account"
    show_full_result_count = False
    sortable_by = ()
    ordering = ["-pk"]
    readonly_fields = ["created", "account", "signed_amount", "kind", "job", "image", "note"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[LedgerRow]":
        return ledger_rows(super().get_queryset(request))

    @admin.display(description="account", ordering="account__name")
    def owner(self, entry: CreditEntry) -> SafeString:
        return html.account_link(entry.account)

    @admin.display(description="amount", ordering="amount")
    def signed_amount(self, entry: CreditEntry) -> str:
        return f"{entry.amount:+d}"

    @admin.display(ordering="job_id")
    def job(self, entry: "LedgerRow") -> str:
        if not entry.job_id:
            return html.NOTHING
        if not entry.state:
            return format_html("{} (deleted)", html.id_text(entry.job_id, short=True))
        return html.id_link("job", entry.job_id, short=True)

    @admin.display(ordering="image_id")
    def image(self, entry: "LedgerRow") -> str:
        if not (entry.job_id and entry.image_id):
            return html.NOTHING
        if not entry.state:
            return html.id_text(entry.image_id, short=True)
        return html.image_link(
            job_id=entry.job_id, image_id=entry.image_id, state=entry.state, code=entry.code or "", short=True
        )
