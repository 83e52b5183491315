"""Responses that are files of an account: their head, and what sends them."""

from collections.abc import Generator
from typing import Literal

from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from forge import limits
from forge.api.account import account_of
from forge.api.asgi.file_responders import ArchiveResponder, FileResponder
from forge.api.asgi.handoff import hand_off

# Sent within the request cycle; larger ones are handed off, so that a slow client holds no thread.
_SMALL_BYTES = 2**17
Caching = Literal["max-age=3600", "no-cache", "no-store"]


def file_response(
    request: Request,
    media_type: str,
    *,
    etag: str = "",
    caching: Caching = "max-age=3600",
    filename: str = "",
    is_attachment: bool = True,
) -> HttpResponse:
    """Return a response without its content, or 304 where the client has the file of `etag`.

    `etag` is an image's id, whose file never changes, and what else the content follows; with `no-cache` a browser asks
    for each use. Without a `filename` a browser shows the file.
    """
    response = HttpResponse(content_type=media_type)
    # A browser keeps it for this key alone.
    response["Cache-Control"] = f"private, {caching}"
    response["Vary"] = "X-API-Key"
    if disposition := content_disposition_header(is_attachment and bool(filename), filename):
        response["Content-Disposition"] = disposition
    if not etag:
        return response
    response["ETag"] = f'"{etag}"'
    found = get_conditional_response(request._request, etag=response["ETag"], response=response)
    assert isinstance(found, HttpResponse)
    return found


def stored_file_send(request: Request, response: HttpResponse, key: str, size: int) -> HttpResponse:
    """Put a small stored file into the response; hand a large one off."""
    if size <= _SMALL_BYTES:
        with default_storage.open(key) as file:
            response.content = file.read()
        return response
    with limits.acquire_stream_slot(account_of(request)) as slot:
        hand_off(request, FileResponder(key, size), slot)
    return response


def archive_response(request: Request, name: str, entries: Generator[bytearray, None, None]) -> HttpResponse:
    """Hand off a ZIP that is made while it is sent."""
    with limits.acquire_archive_slot(account_of(request)) as slot:
        hand_off(request, ArchiveResponder(entries), slot)
    response = file_response(request, "application/zip", caching="no-store", filename=f"{name}.zip")
    response["X-Accel-Buffering"] = "no"  # a proxy would write the archive to its disk first
    return response
