"""Color analysis in the perceptually uniform space OKLCH (Björn Ottosson, 2020)."""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

COLOR_NAMES = (
    "black", "dark grey", "grey", "light grey", "white",
    "red", "dark red", "pink", "orange", "brown", "beige", "yellow", "olive",
    "green", "dark green", "light green", "teal", "turquoise", "light blue", "blue", "navy", "purple", "lavender",
)  # fmt: skip
# Indices into COLOR_NAMES; arrays of strings would take most of the time.
(RED, DARK_RED, PINK, ORANGE, BROWN, BEIGE, YELLOW, OLIVE, GREEN, DARK_GREEN, LIGHT_GREEN, TEAL, TURQUOISE, LIGHT_BLUE,
 BLUE, NAVY, PURPLE, LAVENDER) = range(5, len(COLOR_NAMES))  # fmt: skip

_MIN_SHARE = 0.12
_MAX_COLORS = 4
_GRID = 72
# Of sRGB, 0..255, to linear light, 0..1.
_LINEAR = np.where(
    np.arange(256) <= 0.04045 * 255, np.arange(256) / 255 / 12.92, ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
)
_TO_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_TO_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColorAnalysis:
    """`colors` best first, never empty; `light` "bright", "dark" or ""; `backdrop` a color or ""."""

    colors: tuple[str, ...]
    monochrome: bool
    light: str
    backdrop: str


def analyze_colors(pixels: Pixels) -> ColorAnalysis:
    """Analyze `pixels`, (h, w, 3) RGB of any size."""
    sample = _subsample(pixels)
    lightness, chroma, hue = _oklch(sample)
    names = _color_indices(lightness, chroma, hue)
    backdrop = _backdrop(sample, names, lightness)
    # The subject's colors come before the backdrop's, however small it is.
    subject = names != COLOR_NAMES.index(backdrop) if backdrop else np.ones(names.shape, dtype=bool)
    colors = [*_ranked(names[subject], chroma[subject]), *([backdrop] if backdrop else [])]
    # The most colorful 2 % may be noise or a time stamp; a grey object on white is not monochrome.
    monochrome = not backdrop and bool(np.percentile(chroma, 98) < 0.025)
    mean = float(lightness.mean())
    light = "" if backdrop else "dark" if mean < 0.36 else "bright" if mean > 0.8 else ""
    return ColorAnalysis(tuple(colors), monochrome, light, backdrop)


def dominant_colors(pixels: Pixels) -> list[str]:
    return list(analyze_colors(pixels).colors)


def color_name(rgb: NDArray[np.uint8]) -> str:
    """Return the name of one color, `rgb` (3,)."""
    return COLOR_NAMES[int(_color_indices(*_oklch(rgb.reshape(1, 1, 3)))[0, 0])]


def _subsample(pixels: Pixels) -> Pixels:
    """Subsample; averaging would produce colors that the image lacks."""
    sample: Pixels = pixels[_places(pixels.shape[0])][:, _places(pixels.shape[1])]
    return sample


@lru_cache(256)
def _places(length: int) -> NDArray[np.intp]:
    return np.linspace(0, length - 1, min(length, _GRID)).astype(np.intp)


def _oklch(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lightness 0..1, chroma 0..0.33 and hue in degrees 0..360, each (h, w)."""
    linear = _LINEAR[pixels.reshape(-1, 3).T]
    lightness, a, b = (_TO_LAB @ np.cbrt(_TO_CONES @ linear)).reshape(3, *pixels.shape[:2])
    hue = np.degrees(np.arctan2(b, a))
    hue[hue < 0] += 360.0
    return lightness, np.hypot(a, b), hue


def _color_indices(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return each pixel's index into COLOR_NAMES, by a table: all bounds are whole hundredths, thousandths, degrees."""
    light = np.clip((lightness * 100).astype(np.intp), 0, 100)
    steps = _chroma_steps()[np.minimum((chroma * 1000).astype(np.intp), 110)]
    return _color_table()[steps, light, np.minimum(hue.astype(np.intp), 359)]


# Thousandths of chroma where a rule changes.
_CHROMA_BOUNDS = (0, 22, 35, 70, 110)


@cache
def _chroma_steps() -> NDArray[np.intp]:
    """Return for each thousandth of chroma the last of _CHROMA_BOUNDS that it reaches."""
    return np.searchsorted(_CHROMA_BOUNDS, np.arange(111), side="right") - 1


@cache
def _color_table() -> NDArray[np.uint8]:
    """Return the index into COLOR_NAMES by chroma step, hundredth of lightness and degree of hue."""
    steps, hundredths, degrees = np.meshgrid(_CHROMA_BOUNDS, np.arange(101), np.arange(360), indexing="ij")
    return _by_rules(hundredths, steps, degrees).astype(np.uint8)


def _by_rules(light: NDArray[np.intp], chroma: NDArray[np.intp], hue: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return indices into COLOR_NAMES by lightness in hundredths, chroma in thousandths and hue in degrees."""
    # Low chroma is imperceptible in dark and very light pixels.
    grey = (chroma < np.where(light >= 90, 22, 35)) | (light < 16)
    by_lightness = np.digitize(light, [25, 45, 67, 91])
    pale = chroma < 70
    dark = light < 45
    rules = [
        (grey, by_lightness),
        ((hue < 8) | (hue >= 345), np.where(dark, DARK_RED, np.where(light >= 62, PINK, RED))),
        (hue < 40, np.where(dark, DARK_RED, np.where(light >= 70, PINK, np.where(pale, BROWN, np.where(
            (hue >= 33) & (light >= 60), ORANGE, RED))))),
        (hue < 80, np.where((light >= 80) | (pale & (light >= 68)), BEIGE,
                            np.where((light >= 62) & (chroma >= 110), ORANGE, BROWN))),
        (hue < 113, np.where(pale & (light >= 68), BEIGE, np.where(
            light >= 78, YELLOW, np.where(light >= 45, OLIVE, BROWN)))),
        (hue < 165, np.where(dark, DARK_GREEN, np.where(light >= 82, LIGHT_GREEN, GREEN))),
        (hue < 215, np.where(light >= 72, TURQUOISE, TEAL)),
        (hue < 280, np.where(light >= 70, LIGHT_BLUE, np.where(light >= 36, BLUE, NAVY))),
        (hue < 345, np.where(light >= 75, LAVENDER, PURPLE)),
    ]  # fmt: skip
    return np.select([condition for condition, _ in rules], [indices for _, indices in rules])


def _ranked(names: NDArray[np.uint8], chroma: NDArray[np.float64]) -> list[str]:
    """Rank colors by area; vivid pixels count up to twice."""
    weight = 1.0 + np.minimum(chroma / 0.15, 1.0)
    totals = np.bincount(names.ravel(), weights=weight.ravel(), minlength=len(COLOR_NAMES))
    shares = totals / totals.sum()
    order = np.argsort(-shares, kind="stable")
    kept = [COLOR_NAMES[index] for index in order if shares[index] >= _MIN_SHARE]
    return kept[:_MAX_COLORS] or [COLOR_NAMES[order[0]]]


def _backdrop(sample: Pixels, names: NDArray[np.uint8], lightness: NDArray[np.float64]) -> str:
    """Return the color of an even border, if it is light and does not fill the image, or "".

    The lower edge is exempt: the subject may stand on it.
    """
    border = _border(*names.shape)
    index = int(np.bincount(names[border]).argmax())
    share = float((names[border] == index).mean())
    if share <= 0.85 or not 0.2 < float((names == index).mean()) < 0.97:
        return ""
    evenness = float(sample[border].std(axis=0).max())
    return COLOR_NAMES[index] if evenness < 14 and float(lightness[border].mean()) > 0.5 else ""


@lru_cache(256)
def _border(height: int, width: int) -> NDArray[np.bool_]:
    border = np.ones((height, width), dtype=bool)
    border[2:, 2:-2] = False
    return border
