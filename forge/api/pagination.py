from typing import Any

from django.core.signing import BadSignature, Signer
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from forge.errors import InvalidRequest
from forge.models import Image


class NewestFirstPagination(CursorPagination):
    """Cursor pagination: `limit` (1 to 100) and `cursor` in, `{"data": […], "nextCursor": …}` out.

    Cursors are signed: no value in one is anything but what a list of the same kind answered.
    """

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

    def decode_cursor(self, request: Request) -> Cursor | None:
        given = request.query_params.get(self.cursor_query_param)
        if given is None:
            return None
        try:
            return Cursor(*self._signer().unsign_object(given))
        except BadSignature as error:
            raise InvalidRequest("The cursor is not one that this list answered.") from error

    def encode_cursor(self, cursor: Cursor) -> str:
        """Return the cursor, signed, safe in a URL; DRF would return a whole URL."""
        return self._signer().sign_object(list(cursor))

    def _signer(self) -> Signer:
        return Signer(sep=".", salt=f"cursor.{type(self).__name__}")

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


class NewestJobPagination(NewestFirstPagination):
    ordering = ("-created_at", "-id")


class ImagePagination(NewestFirstPagination):
    """The images of a session in the order of their upload."""

    page_size = 100
    ordering = ("position", "id")

    def cursor_after(self, image: Image) -> str:
        return self.encode_cursor(Cursor(offset=0, reverse=False, position=image.position))
