"""Base classes of the admin pages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from forge.admin import html
from forge.admin.filters import DayFilter
from forge.admin.pagination import DeferredJoinPaginator
from forge.models import Account

_M = TypeVar("_M", bound=Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
else:

    class _ModelAdmin(admin.ModelAdmin, Generic[_M]):  # generic in the stubs only
        pass


_MAX_ACCOUNTS = 100  # that a name in the search box may mean


class BaseAdmin(_ModelAdmin[_M]):
    """A list and a page; `related` is extra template context of the page.

    A list with `id_fields` is searched by the beginning of an id, whose prefix names the field, and by the account's
    name where there is an `account_field`: by indexes alone. Django's search would read every row.
    """

    paginator = DeferredJoinPaginator
    show_facets = admin.ShowFacets.NEVER  # they count the rows of each choice of each filter
    id_fields: Mapping[str, str] = {}
    account_field = ""

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order by the time of a filter of days, over the same index; else a month would be sorted for each page."""
        days = [one for one in self.list_filter if isinstance(one, type) and issubclass(one, DayFilter)]
        field = next((one.field for one in days if request.GET.get(str(one.parameter_name))), None)
        return [f"-{field}", "-pk"] if field else super().get_ordering(request)

    def get_search_fields(self, request: HttpRequest) -> list[str] | tuple[str, ...]:
        return list(self.id_fields.values()) or super().get_search_fields(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_M], search_term: str
    ) -> tuple[QuerySet[_M], bool]:
        text = search_term.strip()
        if not (self.id_fields and text):
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(self.search_condition(text.replace("\0", ""))), False

    def search_condition(self, text: str) -> Q:
        for prefix, field in self.id_fields.items():
            if text.startswith(prefix):
                return begins_with(field, text)
        if not self.account_field:
            return Q(pk__in=[])
        accounts = Account.objects.filter(name__icontains=text).order_by("name").values_list("pk", flat=True)
        return Q(**{f"{self.account_field}__in": list(accounts[:_MAX_ACCOUNTS])})

    @admin.display(ordering="created_at")
    def created(self, row: Any) -> str:
        return html.timestamp(row.created_at)

    def related(self, row: _M) -> dict[str, Any]:
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: _M | None = None,
    ) -> HttpResponse:
        shown = context | self.related(obj) if obj is not None else context
        return super().render_change_form(request, shown, add, change, form_url, obj)


class NoDeleteAdmin(BaseAdmin[_M]):
    """Rows that are made inactive and never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        return False


class ViewOnlyAdmin(BaseAdmin[_M]):
    """Rows that only the service writes; the page shows `readonly_fields`."""

    def get_fields(self, request: HttpRequest, obj: _M | None = None) -> list[Any]:
        return list(self.readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: _M | None = None) -> bool:
        return False


class ReadOnlyAdmin(ViewOnlyAdmin[_M], NoDeleteAdmin[_M]):
    """Rows that the admin never adds, changes or deletes."""


def begins_with(field: str, text: str) -> Q:
    """Return the condition that an id begins with a text, as each database finds it by an index."""
    if connection.vendor == "sqlite":  # LIKE with ESCAPE uses no index; ids are compared byte by byte
        return Q(**{f"{field}__gte": text, f"{field}__lt": f"{text}\U0010ffff"})
    return Q(**{f"{field}__startswith": text})
