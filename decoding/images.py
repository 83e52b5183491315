from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, ClassVar, cast

import pi_heif
import PIL.Image

from decoding.formats import FORMATS
from decoding.limits import Limits, Source, TimedFile, reserve_pixels
from decoding.low_bytes import has_low_bytes, select_low_bytes

pi_heif.register_heif_opener()
# Pillow's own limit is process-wide, a warning at one size and an error at another; ours are settings, in `Limits`.
PIL.Image.MAX_IMAGE_PIXELS = None

TIFF_TILE_WIDTH, TIFF_TILE_LENGTH = 322, 323
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
# Bytes per read: a scan of a progressive JPEG may have a few bytes and cost a pass over all its pixels.
_PROGRESSIVE_BLOCK = 2**12


class Undecodable(Exception):
    """Base of the errors that `opened` raises: `code` is one of docs/api-contract.md, `str()` is the sentence."""

    code: ClassVar[str]
    sentence: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.sentence)


class Unsupported(Undecodable):
    """The file is of no accepted format."""

    code = "unsupported_image"
    sentence = "The file is not a supported image."


class Damaged(Undecodable):
    """The file has the magic bytes of an accepted format, and cannot be decoded, or not in time."""

    code = "unreadable_image"
    sentence = "The image is damaged or incomplete and cannot be read."


class TooLarge(Undecodable):
    """`limit` and `actual` count `unit`: pixels, pixels of the longer side, or pixels of a tile."""

    code = "payload_too_large"
    sentence = "The image has too many pixels."

    def __init__(self, *, unit: str, limit: int, actual: int) -> None:
        super().__init__()
        self.unit = unit
        self.limit = limit
        self.actual = actual


@contextmanager
def opened(file: Source, limits: Limits, frame: int = 0, *, low_bytes: bool = False) -> Iterator[PIL.Image.Image]:
    """Open an image and check its header. Call `load` inside: there any error of a decoder is raised as Damaged.

    `frame` is a page of PAGED, each of which has its own size; 0 is the first, of HEIF the primary image.
    `low_bytes` decodes the low byte of 16-bit samples in color instead of the high one. Do not nest: each context
    holds its pixels in a semaphore.
    """
    try:
        with _open(file, limits.seconds) as image:
            if frame:
                image.seek(frame)
            check_size(image, limits)
            if low_bytes and has_low_bytes(image):
                select_low_bytes(image)
            if "progressive" in image.info:
                image.decodermaxblock = _PROGRESSIVE_BLOCK  # type: ignore[attr-defined]
            pixels = max(image.width * image.height, _tile_pixels(image))
            with reserve_pixels(pixels, limit=limits.pixels_at_once):
                yield image
    except Undecodable:
        raise
    except Exception as error:  # hostile bytes make decoders raise any exception
        raise Damaged from error


def _open(file: Source, seconds: float) -> PIL.Image.Image:
    file.seek(0)
    magic = file.read(16)
    file.seek(0)
    try:
        return PIL.Image.open(cast(IO[bytes], TimedFile(file, seconds)), formats=FORMATS)
    except PIL.UnidentifiedImageError as error:
        raise (Damaged if _has_known_magic(magic) else Unsupported) from error


def check_size(image: PIL.Image.Image, limits: Limits) -> None:
    """Raise TooLarge if the current frame is beyond the limits."""
    pixels, side = image.width * image.height, max(image.size)
    if pixels > limits.pixels:
        raise TooLarge(unit="pixels", limit=limits.pixels, actual=pixels)
    if (tile := _tile_pixels(image)) > limits.pixels:
        raise TooLarge(unit="pixels in a tile", limit=limits.pixels, actual=tile)
    if side > limits.side:
        raise TooLarge(unit="pixels on its longer side", limit=limits.side, actual=side)


def _tile_pixels(image: PIL.Image.Image) -> int:
    """Return the pixels of a TIFF's tile, which may be larger than the image and is decoded as a whole."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(TIFF_TILE_WIDTH, 0)) * int(tags.get(TIFF_TILE_LENGTH, 0))


def _has_known_magic(data: bytes) -> bool:
    """Return whether a file that no parser accepts has the magic bytes of an accepted format."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    is_heif = data[4:8] == b"ftyp" and data[8:12] in _BRANDS
    return data.startswith(_MAGIC) or is_webp or is_heif
