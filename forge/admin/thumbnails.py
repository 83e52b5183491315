"""Thumbnails of stored uploads."""

import io

import PIL.Image
from django.conf import settings
from django.http import Http404, HttpResponse

import decoding
from decoding import Limits
from forge.models import Image
from forge.storage import object_read

MAX_SIDE = 160  # pixels
_MAX_AGE_S = 3600


def thumbnail_response(image: Image) -> HttpResponse:
    """Return a small JPEG. Raises Http404 where the file is missing or broken."""
    return HttpResponse(
        _jpeg(image.storage_key),
        content_type="image/jpeg",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": f"private, max-age={_MAX_AGE_S}"},
    )


def _jpeg(storage_key: str) -> bytes:
    small = io.BytesIO()
    try:
        with decoding.opened(io.BytesIO(object_read(storage_key)), Limits.of(settings)) as image:
            scale = min(1.0, MAX_SIDE / max(image.size))
            loaded = image.load(scale)
            _on_white(loaded.upright(loaded.rendered(loaded.scaled(scale)))).save(small, "JPEG", quality=80)
    except Exception as error:  # storage backends and decoders may raise anything
        raise Http404 from error
    return small.getvalue()


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode != "RGBA":
        return image
    white = PIL.Image.new("RGBA", image.size, "white")
    return PIL.Image.alpha_composite(white, image).convert("RGB")
