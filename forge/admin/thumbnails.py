"""Thumbnails of stored uploads."""

from django.http import Http404, HttpResponse

from forge.models import Image
from forge.sessions.thumbnails import thumbnail_jpeg

MAX_SIDE = 160  # pixels
_MAX_AGE_S = 3600


def thumbnail_response(image: Image) -> HttpResponse:
    """Return a small JPEG. Raises Http404 where the file is missing or broken."""
    try:
        small = thumbnail_jpeg(image, MAX_SIDE)
    except Exception as error:  # storage backends and decoders may raise anything
        raise Http404 from error
    return HttpResponse(
        small,
        content_type="image/jpeg",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": f"private, max-age={_MAX_AGE_S}"},
    )
