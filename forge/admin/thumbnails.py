"""Thumbnails of stored uploads."""

import io

import PIL.Image
import PIL.ImageOps
from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpResponse

from decoding import Limits, opened
from forge.models import Image

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
        with default_storage.open(storage_key) as stored, opened(stored, Limits.of(settings)) as image:
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # JPEG alone: decoded at a fraction of its size
            image.thumbnail((MAX_SIDE, MAX_SIDE))
            _on_white(PIL.ImageOps.exif_transpose(image)).save(small, "JPEG", quality=80)
    except Exception as error:  # storage backends and decoders may raise anything
        raise Http404 from error
    return small.getvalue()


def _on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow clips 16-bit values at 255 instead of scaling them.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    white = PIL.Image.new("RGBA", clear.size, "white")
    return PIL.Image.alpha_composite(white, clear).convert("RGB")
