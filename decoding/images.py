"""Open images within limits, and decode them: for uploads, workers, command line and admin alike."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, cast

import pi_heif
import PIL.Image

from decoding import frames
from decoding.containers import Container, has_known_magic, is_unsupported, read_container
from decoding.errors import Damaged, TooLarge, Undecodable, Unsupported
from decoding.exif import orientation
from decoding.formats import FORMATS
from decoding.limits import Limits, Source, TimedFile, reserve_pixels
from decoding.loaded_image import LoadedImage
from decoding.low_bytes import has_low_bytes, select_low_bytes
from decoding.pillow_libtiff import correct_page, has_signed_bytes, silence_libtiff, use_libtiff

pi_heif.register_heif_opener()
use_libtiff()
silence_libtiff()
# Its errors are raised, too.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
# Pillow's own limit is process-wide, a warning at one size and an error at another; ours are settings, in `Limits`.
PIL.Image.MAX_IMAGE_PIXELS = None

TIFF_TILE_WIDTH, TIFF_TILE_LENGTH = 322, 323
# Pillow and libheif apply these formats' orientation while they decode.
_UPRIGHT = frozenset(("TIFF", "HEIF"))
# Bytes per read: a scan of a progressive JPEG may have a few bytes and cost a pass over all its pixels.
_PROGRESSIVE_BLOCK = 2**12


@dataclass(frozen=True, eq=False)
class OpenImage:
    """An image whose header is within the limits. Errors of a decoder are raised as Undecodable by `opened`."""

    file: PIL.Image.Image
    container: Container
    limits: Limits
    page: int

    @property
    def format(self) -> str:
        """Return Pillow's name of the format, a key of FILE_TYPES."""
        return self.file.format or ""

    @cached_property
    def frames(self) -> int:
        """Return the number of frames or pages."""
        return frames.frame_count(self.file, self.container)

    @property
    def is_animated(self) -> bool:
        return self.format in frames.ANIMATIONS and self.frames > 1

    @property
    def is_paged(self) -> bool:
        return self.format in frames.PAGED and self.frames > 1

    @property
    def size(self) -> tuple[int, int]:
        """Return the size of the current frame, without orientation."""
        left, top, right, bottom = self._crop or (0, 0, *self.file.size)
        return right - left, bottom - top

    def seek(self, frame: int) -> None:
        """Go to a frame. Raises TooLarge if it is beyond the limits."""
        self.file.seek(frame + self.container.first_frame)
        check_size(self.file, self.limits)

    def load(self, scale: float = 1.0, *, low_bytes: bool = True) -> LoadedImage:
        """Decode the current frame; a JPEG at a reduced scale that is not below `scale`, if it can be.

        Without `low_bytes`, 16-bit samples in color have their high bytes alone.
        """
        width, height = self.size
        image, container = self.file, self.container
        needs_low_bytes = low_bytes and has_low_bytes(image) and not self.is_animated
        if container.has_draft:
            image.draft(None, (max(1, round(width * scale)), max(1, round(height * scale))))
        image.load()
        shown = image.crop(self._crop) if self._crop else image
        if needs_low_bytes:
            shown = self._with_low_bytes(shown)
        if has_signed_bytes(image):
            from decoding.sample_depth import signed_bytes  # numpy, for these images alone

            shown = signed_bytes(shown)
        return LoadedImage(shown, width, height, self._orientation, self._profile)

    @property
    def _crop(self) -> tuple[int, int, int, int] | None:
        # libheif applies a clean aperture itself.
        return None if self.format == "HEIF" else self.container.crop

    @property
    def exif(self) -> bytes:
        """Return the EXIF; b"" without one. That of a TIFF is in the file's own directory."""
        exif = self.container.exif if self.container.exif is not None else self.file.info.get("exif")
        return exif if isinstance(exif, bytes) else b""

    @property
    def _orientation(self) -> int:
        """Return the EXIF orientation; Pillow sets that of AVIF from the container's own transforms."""
        return 1 if self.format in _UPRIGHT else orientation(self.exif)

    @property
    def _profile(self) -> bytes | None:
        profile = self.container.profile or self.file.info.get("icc_profile")
        return profile if isinstance(profile, bytes) else None

    def _with_low_bytes(self, high: PIL.Image.Image) -> PIL.Image.Image:
        """Scale samples that fill a part of their 16 bits; decodes once more for the low bytes."""
        from decoding.sample_depth import combined, narrow_bits  # numpy, for these images alone

        bits = narrow_bits(high)
        if bits == 16:
            return high
        with _open(self.container, self.limits.seconds) as low:
            if self.page:
                low.seek(self.page)
            select_low_bytes(low)
            low.load()
            return combined(high, low, bits)


@contextmanager
def opened(file: Source, limits: Limits, page: int = 0) -> Iterator[OpenImage]:
    """Open an image and check its header. Decode inside: there any error of a decoder is raised as Undecodable.

    `page` is a page of PAGED, each of which has its own size; 0 is the first, of HEIF the primary image. Do not nest:
    each context holds its pixels in a semaphore.
    """
    file.seek(0)
    data, is_open = file.read(), False
    try:
        container = read_container(data)
        data = container.data  # frees the file as it was read: one copy remains
        with _open(container, limits.seconds) as image:
            is_open = True
            if page:
                image.seek(page)
            if image.format == "TIFF":
                correct_page(image)
            check_size(image, limits)
            pixels = max(image.width * image.height, _tile_pixels(image))
            with reserve_pixels(pixels, limit=limits.pixels_at_once):
                if container.first_frame:
                    image.seek(container.first_frame)
                if "progressive" in image.info:
                    image.decodermaxblock = _PROGRESSIVE_BLOCK  # type: ignore[attr-defined]
                yield OpenImage(image, container, limits, page)
    except Undecodable:
        raise
    except Exception as error:  # hostile bytes make decoders raise any exception
        is_damaged = has_known_magic(data) and not is_unsupported(data, is_open=is_open)
        raise (Damaged if is_damaged else Unsupported) from error


def _open(container: Container, seconds: float) -> PIL.Image.Image:
    return PIL.Image.open(cast(IO[bytes], TimedFile(io.BytesIO(container.data), seconds)), formats=FORMATS)


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
