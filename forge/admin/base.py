"""Base classes of the admin pages."""

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from forge.admin import html

_M = TypeVar("_M", bound=Model)

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as _ModelAdmin
else:

    class _ModelAdmin(admin.ModelAdmin, Generic[_M]):  # generic in the stubs only
        pass


class BaseAdmin(_ModelAdmin[_M]):
    """A list and a page; `related` is extra template context of the page."""

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
