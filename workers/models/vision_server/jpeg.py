"""The image as a server gets it: a JPEG bounded in pixels and bytes."""

import io

from PIL import Image

from workers.models.base import Pixels

MAX_SIDE = 1024
MAX_BYTES = 400_000
MIN_SIDE = 256
_QUALITIES = (85, 75, 60)


def encode(pixels: Pixels, max_side: int = MAX_SIDE, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a JPEG of at most `max_side` pixels a side and, down to MIN_SIDE, `max_bytes` bytes."""
    image = Image.fromarray(pixels)
    side = min(max_side, max(image.size))
    while True:
        scaled = _scaled(image, side)
        for quality in _QUALITIES:
            file = io.BytesIO()
            scaled.save(file, "JPEG", quality=quality)
            if file.tell() <= max_bytes:
                return file.getvalue()
        if side <= MIN_SIDE:
            return file.getvalue()
        side = max(MIN_SIDE, side * 3 // 4)


def _scaled(image: Image.Image, side: int) -> Image.Image:
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image if scale == 1.0 else image.resize((width, height), Image.Resampling.LANCZOS)
