"""The image as a server gets it: a JPEG bounded in pixels and bytes."""

import io

from PIL import Image

from workers.models.base import Pixels
from workers.models.prompting.image_size import MAX_SIDE, MIN_SIDE, scaled

MAX_BYTES = 400_000
_QUALITIES = (85, 75, 60)


def encode(pixels: Pixels, max_side: int = MAX_SIDE, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a JPEG of at most `max_side` pixels a side and, down to MIN_SIDE, `max_bytes` bytes."""
    image = Image.fromarray(pixels)
    side = min(max_side, max(image.size))
    while True:
        smaller = scaled(image, side)
        for quality in _QUALITIES:
            file = io.BytesIO()
            smaller.save(file, "JPEG", quality=quality)
            if file.tell() <= max_bytes:
                return file.getvalue()
        if side <= MIN_SIDE:
            return file.getvalue()
        side = max(MIN_SIDE, side * 3 // 4)
