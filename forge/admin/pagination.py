"""Pages of long lists."""

from typing import TYPE_CHECKING, Any, TypeAlias

from django.core.paginator import Page, Paginator

if TYPE_CHECKING:
    _Paginator: TypeAlias = Paginator[Any]
else:
    _Paginator = Paginator  # generic in the stubs only


class DeferredJoinPaginator(_Paginator):
    """Reads the ids of a page over an index and then its rows.

    With an offset the database would otherwise read and join all rows before the page: seconds for the last one of a
    million.
    """

    def page(self, number: int | str) -> "Page[Any]":
        found = super().page(number)
        rows: Any = self.object_list
        first = (found.number - 1) * self.per_page
        ids = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(rows.filter(pk__in=ids), found.number, self)
