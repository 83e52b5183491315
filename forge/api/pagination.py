import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge.errors import InvalidRequest

_URL_SAFE = str.maketrans("+/", "-_")
_PLAIN = str.maketrans("-_", "+/")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{4,400}={0,2}")


class NewestFirstPagination(CursorPagination):
    """Cursor pagination: `limit` (1 to 100) and `cursor` in, `{"data": […], "nextCursor": …}` out."""

    page_size = 50
    max_page_size = 100
    page_size_query_param = "limit"
    cursor_query_param = "cursor"
    ordering: str | tuple[str, ...] = "-id"

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= self.max_page_size):
            raise InvalidRequest(f"limit is a number from 1 to {self.max_page_size}.")
        return int(given)

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValidationError, ValueError) as error:
            raise _unknown_cursor() from error

    def decode_cursor(self, request: Request) -> Cursor | None:
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        # DRF's decoder skips characters outside its alphabet.
        if not _CURSOR.fullmatch(given):
            raise _unknown_cursor()
        plain = SimpleNamespace(query_params={self.cursor_query_param: given.translate(_PLAIN)})
        try:
            return super().decode_cursor(plain)  # type: ignore[arg-type]
        except Exception as error:
            raise _unknown_cursor() from error

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the bare cursor, safe in a URL; DRF would return a whole URL."""
        query = parse_qs(urlsplit(super().encode_cursor(cursor)).query)
        return query[self.cursor_query_param][0].translate(_URL_SAFE)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "nextCursor": self.get_next_link()})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "nextCursor"],
            "properties": {
                "data": schema,
                "nextCursor": {"type": ["string", "null"], "description": "Send it as `cursor` for the next page."},
            },
        }


class SessionPagination(NewestFirstPagination):
    ordering = ("-created_at", "-id")


def _unknown_cursor() -> InvalidRequest:
    return InvalidRequest("The cursor is not one that a list answered.")
