from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, get_args

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from analysis_options import OPTIONS
from forge.admin import html
from forge.admin.account_options import OptionsField
from forge.admin.base import NoDeleteAdmin
from forge.admin.credits import ledger_rows
from forge.admin.ledger.by_day import credits_by_day
from forge.admin.ledger.chart import chart_of
from forge.admin.ledger.views import ledger_csv, ledger_page, ledger_url
from forge.clock import database_now
from forge.credits import ledger
from forge.errors import ForgeError
from forge.models import Account
from forge.models.accounts import MAX_TERMS, LimitName

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Counts(TypedDict):
        key_count: int

    _Counted: TypeAlias = WithAnnotations[Account, _Counts]
    _ModelForm: TypeAlias = forms.ModelForm[Account]
else:
    _ModelForm = forms.ModelForm  # generic in the stubs only

_LATEST = 20
_LISTS = {"keys": "apikey", "entries": "creditentry", "jobs": "job", "sessions": "session"}
_LIMITS = list(get_args(LimitName))
_MAX_CREDITS = 10**12
# The confirmation form repeats their ids, and Django accepts 1,000 fields.
_MAX_ACCOUNTS = 500


class GrantForm(forms.Form):
    amount = forms.IntegerField(
        min_value=-_MAX_CREDITS,
        max_value=_MAX_CREDITS,
        help_text="Credits for each of these accounts. Below zero takes credits back.",
    )
    note = forms.CharField(
        max_length=200,
        required=False,
        help_text="Recorded in the ledger, which the account's owner can read.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class TermsField(forms.CharField):
    """A list of terms, one a line."""

    widget = forms.Textarea(attrs={"rows": 8, "class": "vLargeTextField"})

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: object) -> Any:
        lines = [" ".join(line.split()).lower() for line in str(value or "").splitlines()]
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: object, data: object) -> bool:
        return bool(self.to_python(data) != (initial or []))


class AccountForm(_ModelForm):
    default_options = OptionsField(
        required=False,
        help_text=(
            "A JSON object, for requests that do not set these options themselves. Options: "
            f"{', '.join(OPTIONS)}. docs/api-contract.md has their bounds."
        ),
    )
    extra_terms = TermsField(
        required=False,
        help_text=(
            f"One a line, at most {MAX_TERMS}: tags for this account's images in addition to the vocabulary."
            " They need CLIP; the embedded models ignore them."
        ),
    )


@admin.register(Account)
class AccountAdmin(NoDeleteAdmin[Account]):
    form = AccountForm
    list_display = ["name", "balance", "ledger", "is_active", "keys", "created"]
    list_filter = ["is_active"]
    search_fields = ["name", "id"]
    ordering = ["name"]
    actions = ["grant_credits", "suspend", "reactivate"]
    readonly_fields = ["id", "balance", "created"]

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> list[Any]:
        fields = ["name", "is_active", "weight", "queue", "extra_terms", "default_options", *_LIMITS]
        return [*fields, *(self.readonly_fields if obj else [])]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[_Counted]":
        return super().get_queryset(request).annotate(key_count=Count("keys"))

    @admin.display(ordering="key_count")
    def keys(self, account: "_Counted") -> SafeString:
        return html.link(html.list_url("apikey", account__id__exact=account.pk), account.key_count)

    @admin.display(description="credits")
    def ledger(self, account: Account) -> SafeString:
        return html.link(ledger_url(account.pk), "ledger")

    def get_urls(self) -> list[URLPattern]:
        pages = {"ledger/": (self.ledger_view, "ledger"), "ledger/ledger.csv": (self.csv_view, "ledger_csv")}
        urls = [
            path(f"<path:object_id>/{end}", self.admin_site.admin_view(view), name=f"forge_account_{name}")
            for end, (view, name) in pages.items()
        ]
        return [*urls, *super().get_urls()]

    def ledger_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return ledger_page(request, self._ledgers_account(request, object_id), context)

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponse | StreamingHttpResponse:
        return ledger_csv(request, self._ledgers_account(request, object_id))

    def _ledgers_account(self, request: HttpRequest, object_id: str) -> Account:
        """Raises PermissionDenied, Http404."""
        if not (self.has_view_permission(request) and request.user.has_perm("forge.view_creditentry")):
            raise PermissionDenied
        return get_object_or_404(Account, pk=unquote(object_id))

    def related(self, row: Account) -> dict[str, Any]:
        today = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
        days = credits_by_day(today, account_id=row.pk)
        return {
            "days_newest_first": days[::-1],
            "chart": chart_of(days),
            "ledger_url": ledger_url(row.pk),
            "limits": [
                {
                    "name": name.replace("_", " "),
                    "own": getattr(row, name),
                    "service": getattr(settings, f"FORGE_{name.upper()}"),
                    "effective": row.limit(name),
                }
                for name in _LIMITS
            ],
            "keys": row.keys.all(),
            "entries": ledger_rows(row.credit_entries.all())[:_LATEST],
            **{f"{name}_url": html.list_url(model, account__id__exact=row.pk) for name, model in _LISTS.items()},
        }

    @admin.action(description="Suspend: their keys are refused, jobs under way go on", permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        return self._set_active(request, queryset, is_active=False)

    @admin.action(description="Reactivate", permissions=["change"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        return self._set_active(request, queryset, is_active=True)

    def _set_active(self, request: HttpRequest, queryset: QuerySet[Account], *, is_active: bool) -> HttpResponse | None:
        accounts = list(queryset.filter(is_active=not is_active))
        done = "Reactivated" if is_active else "Suspended"
        with transaction.atomic():
            for account in accounts:
                account.is_active = is_active
                account.save(update_fields=["is_active"])  # not QuerySet.update: open streams hear of it by the signal
                self.log_change(request, account, f"{done}.")
        names = ", ".join(account.name for account in accounts[:10]) + (" …" if len(accounts) > 10 else "")
        self.message_user(request, f"{done}: {names}." if accounts else "Nothing was changed.")
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        return HttpResponseRedirect(html.page_url("account", selected[0])) if "from_page" in request.POST else None

    def has_grant_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("forge.add_creditentry")

    @admin.action(description="Grant credits, or take them back", permissions=["grant"])
    def grant_credits(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        accounts = list(queryset.order_by("name")[: _MAX_ACCOUNTS + 1])
        if len(accounts) > _MAX_ACCOUNTS:
            self.message_user(request, f"At most {_MAX_ACCOUNTS} accounts at a time.", messages.ERROR)
            return None
        form = GrantForm(request.POST if "confirm" in request.POST else None)
        if form.is_valid() and self._grant(request, accounts, **form.cleaned_data):
            return HttpResponseRedirect(html.page_url("account", accounts[0].pk)) if len(accounts) == 1 else None
        return self._confirmation(request, accounts, form)

    def _grant(self, request: HttpRequest, accounts: list[Account], *, amount: int, note: str) -> bool:
        """Grant to all accounts or none. Return False, with a message, if one grant is refused."""
        account = accounts[0]
        try:
            with transaction.atomic():
                for account in accounts:
                    entry = ledger.grant(account_id=account.pk, amount=amount, note=note)
                    self.log_change(request, account, f"Credits {entry.amount:+d}: {note or 'no note'}")
        except ForgeError as error:
            self.message_user(
                request, f"Refused for {account}: {error.sentence} No balance was changed.", messages.ERROR
            )
            return False
        names = ", ".join(account.name for account in accounts[:10]) + (" …" if len(accounts) > 10 else "")
        self.message_user(request, f"{amount:+d} credits: {names}", messages.SUCCESS)
        return True

    def _confirmation(self, request: HttpRequest, accounts: list[Account], form: GrantForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Grant credits, or take them back",
            "opts": self.opts,
            "accounts": accounts,
            "form": form,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/forge/account/grant.html", context)
