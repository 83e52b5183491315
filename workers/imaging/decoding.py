"""Bytes to an upright RGB array, within limits."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import decoding

# More than the embedded models look at. For 12 megapixels an eighth is enough, which takes three quarters of the time
# of a quarter.
MAX_SIDE = 448

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """`pixels` is (h, w, 3), upright and perhaps reduced; `width` and `height` are the original's, upright too."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decode(data: bytes, *, limits: decoding.Limits, max_side: int = MAX_SIDE) -> Picture:
    """The first frame. Transparency is laid on white; greater bit depths are scaled to 8 bits.

    Raises decoding.Undecodable: Unsupported, Damaged, or TooLarge (decided by the header alone).
    """
    with decoding.opened(io.BytesIO(data), limits) as image:
        return _picture(image, max_side)


def _picture(image: Image.Image, max_side: int) -> Picture:
    width, height = image.size
    scale = min(1.0, max_side / max(width, height))
    target = max(1, round(width * scale)), max(1, round(height * scale))
    # JPEG alone: the decoder skips the frequencies that the reduced picture cannot show.
    image.draft(None, target)
    image.load()
    # After load(), because PNG may keep its EXIF behind the pixels, and TIFF turns itself.
    orientation = _orientation(image)
    reduced = _rgb(_reduced(image, target))
    if orientation in _UPRIGHT:
        reduced = reduced.transpose(_UPRIGHT[orientation])
    if orientation >= 5:
        width, height = height, width
    return Picture(np.array(reduced, dtype=np.uint8), width, height)


def _reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Before any change of its mode: each would be one more copy of a large picture."""
    if image.size == size:
        return image
    if image.mode in {"1", "P", "PA"}:
        # Of colours that are numbers in a table there is no mean.
        image = image.convert("RGBA" if image.has_transparency_data else "L" if image.mode == "1" else "RGB")
    # Pillow takes a shortcut to a reduced picture of all modes but these.
    gap = None if image.mode.startswith("I;16") else 2.0
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where there is none."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (hostile bytes raise whatever a parser did not foresee)
        # Damaged EXIF is common in the wild and does not make the picture unreadable.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = Image.new("RGB", layer.size, "white")
        page.paste(layer, mask=layer.getchannel("A"))
        return page
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or float to 8 bits: by the range of the type where it is known, else by the values."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    tops = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = next((top for top in tops if low >= 0.0 and high <= top), None)
    if top is None:
        values, top = values - low, high - low or 1.0
    return Image.fromarray(np.rint(values * (255.0 / top)).astype(np.uint8))
