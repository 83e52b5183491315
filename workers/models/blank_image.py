"""Detection of images without content."""

from workers.models.base import Pixels

# Gray levels; a wall or a sky has more. The networks find birds and posters in blank images.
MIN_STANDARD_DEVIATION = 3.0


def has_detail(pixels: Pixels) -> bool:
    return float(pixels[::4, ::4].std(axis=(0, 1)).max()) >= MIN_STANDARD_DEVIATION
