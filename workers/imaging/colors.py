"""Color analysis in the perceptually uniform space OKLCH (Björn Ottosson, 2020)."""

from dataclasses import dataclass

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
    height, width = pixels.shape[:2]
    rows = np.linspace(0, height - 1, min(height, _GRID)).astype(int)
    columns = np.linspace(0, width - 1, min(width, _GRID)).astype(int)
    sample: Pixels = pixels[rows][:, columns]
    return sample


def _oklch(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return lightness 0..1, chroma 0..0.33 and hue in degrees 0..360, each (h, w)."""
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


def _color_indices(
    lightness: NDArray[np.float64], chroma: NDArray[np.float64], hue: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return each pixel's index into COLOR_NAMES."""
    # Low chroma is imperceptible in dark and very light pixels.
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
    return np.select([condition for condition, _ in rules], [indices for _, indices in rules])


def _ranked(names: NDArray[np.intp], chroma: NDArray[np.float64]) -> list[str]:
    """Rank colors by area; vivid pixels count up to twice."""
    weight = 1.0 + np.minimum(chroma / 0.15, 1.0)
    totals = np.bincount(names.ravel(), weights=weight.ravel(), minlength=len(COLOR_NAMES))
    shares = totals / totals.sum()
    order = np.argsort(-shares, kind="stable")
    kept = [COLOR_NAMES[index] for index in order if shares[index] >= _MIN_SHARE]
    return kept[:_MAX_COLORS] or [COLOR_NAMES[order[0]]]


def _backdrop(sample: Pixels, names: NDArray[np.intp], lightness: NDArray[np.float64]) -> str:
    """Return the color of an even border, if it is light and does not fill the image, or "".

    The lower edge is exempt: the subject may stand on it.
    """
    border = np.ones(names.shape, dtype=bool)
    border[2:, 2:-2] = False
    index = int(np.bincount(names[border]).argmax())
    share = float((names[border] == index).mean())
    evenness = float(sample[border].std(axis=0).max())
    coverage = float((names == index).mean())
    is_plain = share > 0.85 and evenness < 14 and 0.2 < coverage < 0.97 and float(lightness[border].mean()) > 0.5
    return COLOR_NAMES[index] if is_plain else ""
