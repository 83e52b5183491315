"""Sizes, the sample image and helpers of the hostile corpus."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests import images
from tests.hostile import containers

FULL = 7_070  # 7,070² is just under the limit of 50 megapixels
MEGABYTES = 2**20
SAMPLE = Path(__file__).parents[3] / "samples" / "cat.jpg"

Build = Callable[[], bytes]


def small() -> Image.Image:
    with Image.open(SAMPLE) as cat:
        return cat.convert("RGB").resize((96, 64))


def encoded(format: str, **options: object) -> bytes:
    return images.encode(small(), format, **options)


def animation(format: str, frames: int, size: tuple[int, int] = (8, 8)) -> bytes:
    colors = [Image.new("RGB", size, (n % 256, n // 256 * 16 % 256, n * 7 % 256)) for n in range(frames)]
    return images.encode(colors[0], format, save_all=True, append_images=colors[1:], duration=20)


def array(values: np.ndarray, format: str, **options: object) -> bytes:
    return images.encode(Image.fromarray(values), format, **options)


def exif_of_overlapping_tags(tags: int, length: int) -> bytes:
    """Return an EXIF block whose many tags all refer to the same large region."""
    at = containers.tiff_data(tags)
    return containers.tiff([(1000 + n, 7, length, at) for n in range(tags)], bytes(length))
