"""Hostile files: decompression bombs, wrong headers, polyglots. Each is built on demand."""

from tests.hostile.corpus.avif_heic import AVIF_HEIC
from tests.hostile.corpus.base import Build
from tests.hostile.corpus.gif_bmp_webp import GIF_BMP_WEBP
from tests.hostile.corpus.inconsistent import INCONSISTENT
from tests.hostile.corpus.jpeg import JPEG
from tests.hostile.corpus.not_images import MAGIC_BYTES, NOT_IMAGES
from tests.hostile.corpus.png import PNG
from tests.hostile.corpus.profiles import PROFILES
from tests.hostile.corpus.tiff import TIFF

__all__ = ["CASES", "HEAVY", "Build"]

CASES: dict[str, Build] = {
    **PNG, **JPEG, **GIF_BMP_WEBP, **TIFF, **AVIF_HEIC, **PROFILES, **INCONSISTENT, **NOT_IMAGES, **MAGIC_BYTES,
}  # fmt: skip

# Seconds to build or to decode, or hundreds of megabytes: in the benchmark only.
_HEAVY = (
    "50 megapixels", "49 megapixels", "7,000²", "20,000²", "46,336", "scans", "frames", "million", "000,000", "700,000",
    "600,000", "500,000", "500 texts", "MB", "gigabyte", "overlapping", "RLE", "0xFF",
)  # fmt: skip
_LIGHT = {
    "png: one column of 49 megapixels", "png: text of a gigabyte", "gif: 10,000 frames",
    "tiff: a tile of 46,336² of nothing",
}  # fmt: skip
HEAVY = {name for name in CASES if any(word in name for word in _HEAVY)} - _LIGHT
