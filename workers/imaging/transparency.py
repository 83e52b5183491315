"""Composite transparent images on a ground that shows their subject."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Grey levels of the grounds, best first.
_WHITE, _DARK, _MIDDLE = 255, 40, 128
# A pixel is lost on a ground whose luminance is nearer than this, in grey levels.
_MIN_CONTRAST = 56
# White stays the ground of an image that loses less than this share of its visible pixels.
_MAX_LOSS = 0.4
# Mean alpha, 0..1, from which the ground hardly shows: a photograph with rounded corners.
_OPAQUE = 0.98
# Alpha, 0..255, that no viewer sees.
_INVISIBLE = 8


def composite(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return an RGBA image on white, dark or middle grey, and whether nothing of it is visible; RGB as it is."""
    if image.mode == "RGB":
        return image, False
    foreground = image.convert("RGBA")
    alpha = foreground.getchannel("A")
    lowest_highest = alpha.getextrema()
    is_invisible = int(lowest_highest[1]) < _INVISIBLE  # type: ignore[arg-type]
    ground = _WHITE if is_invisible else _ground(np.asarray(foreground.convert("L")), np.asarray(alpha))
    background = Image.new("RGB", foreground.size, (ground, ground, ground))
    if not is_invisible:
        background.paste(foreground, mask=alpha)
    return background, is_invisible


def _ground(luminance: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> int:
    """Return the ground on which the least alpha-weighted part of the subject is lost; `luminance`, `alpha` (h, w)."""
    weights = alpha.astype(np.float64)
    if weights.mean() >= _OPAQUE * 255:
        return _WHITE

    def loss(ground: int) -> float:
        return float(weights[np.abs(luminance.astype(np.int16) - ground) < _MIN_CONTRAST].sum() / weights.sum())

    return _WHITE if loss(_WHITE) <= _MAX_LOSS else min((_WHITE, _DARK, _MIDDLE), key=loss)
