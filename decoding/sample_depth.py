"""Scale samples of more than 8 bits to 8 bits.

Cameras, scanners and microscopes write 10, 12 or 14 bits into 16, without scaling. The rule: of 8, 10, 12, 14 and 16
bits, the smallest range that holds the largest sample of the full-size image is the range. An image with a single
highlight in its full range therefore stays as dark as it is. Nor is a range stretched that holds noise alone: in the
frame of a covered lens, neighboring samples differ as much as distant ones.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

Samples = NDArray[Any]

_NARROW_BITS = (8, 10, 12, 14)
# Mean squared difference of neighbors by that of random pairs: 1 in white noise, below 0.3 in images.
_MAX_NOISE = 0.7
_SIDE = 1024


def sample_top(image: Image.Image) -> float | None:
    """Return the sample that becomes 255 in a grey image of mode I, F or I;16, None to stretch it by its own range."""
    values = _finite(np.asarray(image))
    low, high = float(values.min()), float(values.max())
    if low < 0:
        return None
    if image.mode == "F" and high <= 1.0:
        return 1.0
    top = next((float(2**bits - 1) for bits in _NARROW_BITS if high <= 2**bits - 1), 65535.0)
    if image.mode.startswith("I;16") and top < 65535.0 and is_noise(values):
        return 65535.0
    return top if high <= top else None


def scaled_to_8_bits(image: Image.Image, top: float | None) -> Image.Image:
    """Scale 16-bit, 32-bit or float grey so that `top` is 255; by its own range if `top` is None."""
    values = _finite(np.asarray(image, dtype=np.float64))
    if top is None:
        values = values - values.min()
        top = float(values.max()) or 1.0
    return Image.fromarray(np.rint(np.clip(values * (255.0 / top), 0, 255)).astype(np.uint8))


def signed_bytes(image: Image.Image) -> Image.Image:
    """Return the samples of mode L as signed ones, in mode I."""
    return Image.fromarray(np.asarray(image).view(np.int8).astype(np.int32))


def narrow_bits(high_bytes: Image.Image) -> int:
    """Return the bits of 16 in use, 8, 10, 12 or 14, or 16, of a color image whose high bytes Pillow decoded."""
    top = _color_top(high_bytes)
    return next((bits for bits in _NARROW_BITS if top < 2 ** (bits - 8)), 16)


def combined(high_bytes: Image.Image, low_bytes: Image.Image, bits: int) -> Image.Image:
    """Return the 8 most significant of `bits` bits, or `high_bytes` if that is noise; without a 16-bit copy."""
    high = high_bytes.point(_per_band(high_bytes, lambda value: value << 16 - bits & 255))
    low = low_bytes.point(_per_band(low_bytes, lambda value: value >> bits - 8))
    stretched = ImageChops.add(high, low)
    if high_bytes.mode == "RGBA" and not _is_alpha_narrow(high_bytes, bits):
        stretched.putalpha(high_bytes.getchannel("A"))
    return high_bytes if is_noise(np.asarray(stretched.convert("L"))) else stretched


def is_noise(values: Samples) -> bool:
    """Return whether neighbors in `values`, (h, w), are unrelated; False if all are equal."""
    height, width = values.shape
    top, left = max(0, height - _SIDE) // 2, max(0, width - _SIDE) // 2
    sample = values[top : top + _SIDE, left : left + _SIDE].astype(np.float64)
    variance = float(sample.var())
    if not variance or min(sample.shape) < 2:
        return False
    steps = float(np.mean(np.diff(sample, axis=1) ** 2) + np.mean(np.diff(sample, axis=0) ** 2))
    return steps / (4 * variance) > _MAX_NOISE


def _finite(values: Samples) -> Samples:
    return np.nan_to_num(values, posinf=0.0, neginf=0.0) if values.dtype.kind == "f" else values


def _per_band(image: Image.Image, change: Any) -> list[int]:
    return [change(value) for value in range(256)] * len(image.getbands())


def _color_top(image: Image.Image) -> int:
    return max(int(top) for _, top in image.getextrema()[:3])  # type: ignore[misc]


def _is_alpha_narrow(image: Image.Image, bits: int) -> bool:
    """Return whether alpha has the bits of the colors: opaque is then 4095 of 12 bits."""
    top = int(np.asarray(image.getchannel("A")).max())
    return top < (1 << bits - 8)
