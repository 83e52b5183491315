"""Whether there is anything to see."""

from workers.models.base import Pixels

# Grey levels; a wall or a sky has more. The networks see birds and posters in an empty picture.
LEAST_DETAIL = 3.0


def has_detail(pixels: Pixels) -> bool:
    return float(pixels[::4, ::4].std(axis=(0, 1)).max()) >= LEAST_DETAIL
