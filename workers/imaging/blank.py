"""Detection of images without detail, and the name of their color."""

import numpy as np
from numpy.typing import NDArray

from workers.imaging.colors import color_name

# Gray levels; a wall or a sky has more. The networks find birds and posters in blank images.
MIN_STANDARD_DEVIATION = 3.0


def has_detail(pixels: NDArray[np.uint8]) -> bool:
    """Return whether `pixels`, (h, w, 3), vary by more than the noise of a scan or of JPEG."""
    # Channels first: a third of the time.
    channels = pixels[::4, ::4].reshape(-1, 3).T.astype(np.float32, order="C")
    return float(channels.std(axis=1).max()) >= MIN_STANDARD_DEVIATION


def blank_color(pixels: NDArray[np.uint8]) -> str:
    """Return the color of an image without detail, one of workers.imaging.colors.COLOR_NAMES; "" with detail."""
    return "" if has_detail(pixels) else color_name(np.median(pixels[::4, ::4], axis=(0, 1)).astype(np.uint8))
