"""Decode image bytes to an upright RGB array."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import decoding

# Enough for the embedded models. 12 megapixels are decoded at 1/8 scale, in three quarters of the time of 1/4.
MAX_SIDE = 448

_ORIENTATION_TAG = 0x0112
_TRANSPOSE_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False, slots=True)
class DecodedImage:
    """`pixels` (h, w, 3) is upright, perhaps downscaled; `width` and `height` are the upright original's."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decode(data: bytes, *, limits: decoding.Limits, max_side: int = MAX_SIDE) -> DecodedImage:
    """Decode the first frame on a white background, with 8 bits per channel.

    Raises decoding.Undecodable: Unsupported, Damaged, or TooLarge (decided by the header alone).
    """
    with decoding.opened(io.BytesIO(data), limits) as image:
        return _decoded(image, max_side)


def _decoded(image: Image.Image, max_side: int) -> DecodedImage:
    width, height = image.size
    scale = min(1.0, max_side / max(width, height))
    target = max(1, round(width * scale)), max(1, round(height * scale))
    # JPEG only: skips the frequencies above the target size.
    image.draft(None, target)
    image.load()
    # After load(): PNG may store EXIF behind the pixels; Pillow rotates TIFF itself.
    orientation = _orientation(image)
    resized = _as_rgb(_resized(image, target))
    if orientation in _TRANSPOSE_BY_ORIENTATION:
        resized = resized.transpose(_TRANSPOSE_BY_ORIENTATION[orientation])
    if orientation >= 5:
        width, height = height, width
    return DecodedImage(np.array(resized, dtype=np.uint8), width, height)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize before changes of mode, which would copy the full-size image."""
    if image.size == size:
        return image
    if image.mode in {"1", "P", "PA"}:
        # Palette indices cannot be averaged.
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    # Pillow does not support reducing_gap for these modes.
    gap = None if image.mode.startswith("I;16") else 2.0
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8; 1 if there is none."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (hostile bytes raise arbitrary errors in the parser)
        # Damaged EXIF is common and harmless.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _scaled_to_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        foreground = image.convert("RGBA")
        background = Image.new("RGB", foreground.size, "white")
        background.paste(foreground, mask=foreground.getchannel("A"))
        return background
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey by the first usual range that fits, else by its own."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    tops = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = next((top for top in tops if low >= 0.0 and high <= top), None)
    if top is None:
        values, top = values - low, high - low or 1.0
    return Image.fromarray(np.rint(values * (255.0 / top)).astype(np.uint8))
