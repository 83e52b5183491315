"""A stored upload as a small JPEG, fit for an operator's page."""

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
    """Raises Http404 where the file is missing or broken."""
    return HttpResponse(
        _jpeg(image.storage_key),
        content_type="image/jpeg",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": f"private, max-age={_MAX_AGE_S}"},
    )


def _jpeg(storage_key: str) -> bytes:
    small = io.BytesIO()
    try:
        with default_storage.open(storage_key) as stored, opened(stored, Limits.of(settings)) as picture:
            picture.draft("RGB", (MAX_SIDE, MAX_SIDE))  # JPEG alone: decoded at a fraction of its size
            picture.thumbnail((MAX_SIDE, MAX_SIDE))
            _on_white(PIL.ImageOps.exif_transpose(picture)).save(small, "JPEG", quality=80)
    except Exception as error:  # a storage of any kind may be away, and damaged bytes raise whatever a decoder likes
        raise Http404 from error
    return small.getvalue()


def _on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    if picture.mode.startswith("I;16"):
        # Pillow cuts 16 bits off at 255 and does not scale them.
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    white = PIL.Image.new("RGBA", clear.size, "white")
    return PIL.Image.alpha_composite(white, clear).convert("RGB")
