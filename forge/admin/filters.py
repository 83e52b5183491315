from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from forge.jobs.events import EVENTS
from forge.models import Account, JobEvent

_MAX_ACCOUNTS = 50


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
