"""What a picture looks like before anyone knows what it shows: colour names, light, black and white, backdrop.

Colours are named in OKLCH (Björn Ottosson, 2020), where equal steps of lightness, chroma and hue look equal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# Ordered by hue where hue decides; the index is the name's number.
NAMES = (
    "black", "dark grey", "grey", "light grey", "white",
    "red", "dark red", "pink", "orange", "brown", "beige", "yellow", "olive",
    "green", "dark green", "light green", "teal", "turquoise", "light blue", "blue", "navy", "purple", "lavender",
)  # fmt: skip
# Numbers, because arrays of strings cost most of the time here.
(RED, DARK_RED, PINK, ORANGE, BROWN, BEIGE, YELLOW, OLIVE, GREEN, DARK_GREEN, LIGHT_GREEN, TEAL, TURQUOISE, LIGHT_BLUE,
 BLUE, NAVY, PURPLE, LAVENDER) = range(5, len(NAMES))  # fmt: skip

_MIN_SHARE = 0.12
_MAX_COLORS = 4
_GRID = 72


@dataclass(frozen=True, slots=True)
class Look:
    """`colors` best first, never empty; `light` "bright", "dark" or ""; `backdrop` the colour of a plain background
    that surrounds the subject, or "".
    """

    colors: tuple[str, ...]
    monochrome: bool
    light: str
    backdrop: str


def look(pixels: Pixels) -> Look:
    """`pixels` (h, w, 3) RGB of any size."""
    small = _reduced(pixels)
    lightness, chroma, hue = _oklch(small)
    names = _named(lightness, chroma, hue)
    backdrop = _backdrop(small, names, lightness)
    # In front of a backdrop it is the subject's colours that count, however small it is.
    subject = names != NAMES.index(backdrop) if backdrop else np.ones(names.shape, dtype=bool)
    colors = [*_ranked(names[subject], chroma[subject]), *([backdrop] if backdrop else [])]
    # The most colourful percents may be noise or a time stamp; a grey thing on white is no black-and-white picture.
    monochrome = not backdrop and bool(np.percentile(chroma, 98) < 0.025)
    mean = float(lightness.mean())
    light = "" if backdrop else "dark" if mean < 0.36 else "bright" if mean > 0.8 else ""
    return Look(tuple(colors), monochrome, light, backdrop)


def dominant_colors(pixels: Pixels) -> list[str]:
    """Names of the colours that cover much of the picture, best first; at least one."""
    return list(look(pixels).colors)


def _reduced(pixels: Pixels) -> Pixels:
    """At most 72 pixels a side, every n-th of the picture's own: averages would be colours it does not have."""
    height, width = pixels.shape[:2]
    rows = np.linspace(0, height - 1, min(height, _GRID)).astype(int)
    columns = np.linspace(0, width - 1, min(width, _GRID)).astype(int)
    small: Pixels = pixels[rows][:, columns]
    return small


def _oklch(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Lightness 0..1, chroma 0..0.33, hue in degrees 0..360, each (h, w)."""
    encoded = pixels.astype(np.float64) / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_cones = np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929],
         [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]
    )  # fmt: skip
    to_lab = np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468],
         [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]
    )  # fmt: skip
    lab = np.cbrt(linear @ to_cones.T) @ to_lab.T
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    return lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def _named(lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]) -> NDArray[np.intp]:
    """The number in NAMES of each pixel."""
    # What little chroma dark and very light pixels have is not seen as colour.
    grey = (chroma < np.where(lightness > 0.9, 0.022, 0.035)) | (lightness < 0.16)
    by_lightness = np.digitize(lightness, [0.25, 0.45, 0.67, 0.91])
    pale = chroma < 0.07
    light, dark = lightness > 0.8, lightness < 0.45
    rules = [
        (grey, by_lightness),
        ((hue < 8) | (hue >= 345), np.where(dark, DARK_RED, np.where(lightness > 0.62, PINK, RED))),
        (hue < 40, np.where(dark, DARK_RED, np.where(lightness > 0.7, PINK, np.where(pale, BROWN, np.where(
            (hue > 33) & (lightness > 0.6), ORANGE, RED))))),
        (hue < 80, np.where(light | (pale & (lightness > 0.68)), BEIGE,
                            np.where((lightness > 0.62) & (chroma > 0.11), ORANGE, BROWN))),
        (hue < 113, np.where(pale & (lightness > 0.68), BEIGE, np.where(
            lightness > 0.78, YELLOW, np.where(lightness > 0.45, OLIVE, BROWN)))),
        (hue < 165, np.where(dark, DARK_GREEN, np.where(lightness > 0.82, LIGHT_GREEN, GREEN))),
        (hue < 215, np.where(lightness > 0.72, TURQUOISE, TEAL)),
        (hue < 280, np.where(lightness > 0.7, LIGHT_BLUE, np.where(lightness > 0.36, BLUE, NAVY))),
        (hue < 345, np.where(lightness > 0.75, LAVENDER, PURPLE)),
    ]  # fmt: skip
    return np.select([condition for condition, _ in rules], [numbers for _, numbers in rules])


def _ranked(names: NDArray[np.intp], chroma: NDArray[np.float64]) -> list[str]:
    """By share of the picture, where a vivid pixel counts up to twice a dull one, as it does to the eye."""
    weight = 1.0 + np.minimum(chroma / 0.15, 1.0)
    totals = np.bincount(names.ravel(), weights=weight.ravel(), minlength=len(NAMES))
    shares = totals / totals.sum()
    order = np.argsort(-shares, kind="stable")
    kept = [NAMES[number] for number in order if shares[number] >= _MIN_SHARE]
    return kept[:_MAX_COLORS] or [NAMES[order[0]]]


def _backdrop(small: Pixels, names: NDArray[np.intp], lightness: NDArray[np.float64]) -> str:
    """A colour's name if nearly the whole rim has it evenly and the middle does not; the subject may stand on the lower
    edge.
    """
    rim = np.ones(names.shape, dtype=bool)
    rim[2:, 2:-2] = False
    number = int(np.bincount(names[rim]).argmax())
    share = float((names[rim] == number).mean())
    evenness = float(small[rim].std(axis=0).max())
    filled = float((names == number).mean())
    plain = share > 0.85 and evenness < 14 and 0.2 < filled < 0.97 and float(lightness[rim].mean()) > 0.5
    return NAMES[number] if plain else ""
