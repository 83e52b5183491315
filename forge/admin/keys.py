from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from forge.admin import html
from forge.admin.base import NoDeleteAdmin
from forge.admin.filters import AccountFilter
from forge.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(NoDeleteAdmin[ApiKey]):
    list_display = ["shown_prefix", "owner", "label", "is_active", "expires", "created"]
    list_editable = ["is_active"]
    list_filter = ["is_active", ("account", AccountFilter)]
    list_select_related = ["account"]
    search_fields = ["prefix", "label", "account__name"]
    show_full_result_count = False
    autocomplete_fields = ["account"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        if obj is None:
            return ["account", "label", "expires_at"]
        return ["account", "label", "is_active", "expires_at", "shown_prefix", "created"]

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        widgets = {"is_active": forms.CheckboxInput(attrs={"aria-label": "Active"})}  # Django gives it no label
        return super().get_changelist_form(request, **{**kwargs, "widgets": widgets})

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return ["account", "shown_prefix", "created"] if obj else []

    @admin.display(description="key", ordering="prefix")
    def shown_prefix(self, key: ApiKey) -> SafeString:
        return format_html("<code>{}…</code>", key.prefix)

    @admin.display(description="account", ordering="account__name")
    def owner(self, key: ApiKey) -> SafeString:
        return html.account_link(key.account)

    @admin.display(ordering="expires_at")
    def expires(self, key: ApiKey) -> str:
        return f"{html.timestamp(key.expires_at)}{' (expired)' if key.is_expired else ''}"

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: Any) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        text = ApiKey.generate()
        obj.assign(text)
        super().save_model(request, obj, form, change)
        shown = format_html(
            'The new key of {}: <code class="forge-key">{}</code> Copy it now; it is not stored and not shown again.',
            obj.account.name,
            text,
        )
        self.message_user(request, shown, messages.WARNING)
