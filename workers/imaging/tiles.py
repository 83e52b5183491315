"""Square-ish tiles of panoramas, long screenshots and receipts."""

import numpy as np
from numpy.typing import NDArray

# Sides longer than this in relation are cut into tiles: of the whole, the models see a strip.
MIN_RATIO = 2.5
_MAX_TILES = 5
_OVERLAP = 0.1


def tile_spans(width: int, height: int) -> list[tuple[int, int]]:
    """Return the spans (first, end) of two to five overlapping tiles on the long side, in pixels; [] for others.

    A tile is 0.9 to 1.5 times as long as the short side, and longer from about 5:1, so that five cover the image.
    """
    long, short = max(width, height), min(width, height)
    if long <= MIN_RATIO * short:
        return []
    count = max(2, min(_MAX_TILES, round(long / short / 1.1)))
    length = long / (count - _OVERLAP * (count - 1))
    starts = [round(index * length * (1 - _OVERLAP)) for index in range(count)]
    return [(start, min(long, start + max(1, round(length)))) for start in starts]


def tile_scale(width: int, height: int, max_side: int) -> float:
    """Return the scale, at most 1, at which a tile's longer side is `max_side`."""
    spans = tile_spans(width, height)
    sides = max(end - start for start, end in spans) if spans else max(width, height)
    return min(1.0, max_side / max(sides, min(width, height)))


def cut_tiles(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Return copies of the tiles of `pixels`, (h, w, 3), in reading order."""
    height, width = pixels.shape[:2]
    spans = tile_spans(width, height)
    if width >= height:
        return tuple(pixels[:, start:end].copy() for start, end in spans)
    return tuple(pixels[start:end].copy() for start, end in spans)
