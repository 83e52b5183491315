"""Bytes to an upright RGB array, within limits."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

# Pillow opens MPO, the two-picture files of some cameras, as JPEG.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

# More than the embedded models look at. For 12 megapixels an eighth is enough, which takes three quarters of the time
# of a quarter.
MAX_SIDE = 448

pi_heif.register_heif_opener()

# decode() checks the header against its caller's limit before a pixel is decoded. Pillow's own limit is a
# process-wide number that warns at one size and raises at another, whatever the caller allows.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")

# What Pillow's parsers were seen to raise on damaged files, beside the OSError they document.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    LookupError,
    MemoryError,
    EOFError,
    RuntimeError,
    AssertionError,
    BufferError,
    struct.error,
    zlib.error,
)


class ImageError(Exception):
    """Base of what `decode` raises; `code` and `message` are those of the HTTP contract."""

    code: ClassVar[str] = "image_error"
    message: ClassVar[str] = "The image cannot be used."

    def __init__(self) -> None:
        super().__init__(self.message)


class UnsupportedImage(ImageError):
    code = "unsupported_image"
    message = "The file is not a supported image."


class UnreadableImage(ImageError):
    code = "unreadable_image"
    message = "The image is damaged or incomplete and cannot be read."


class ImageTooLarge(ImageError):
    """`limit` and `actual` are pixel counts."""

    code = "payload_too_large"
    message = "The image has too many pixels."

    def __init__(self, *, limit: int, actual: int) -> None:
        super().__init__()
        self.limit = limit
        self.actual = actual


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """`pixels` is (h, w, 3), upright and perhaps reduced; `width` and `height` are the original's, upright too."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decode(data: bytes, *, max_pixels: int, max_side: int = MAX_SIDE) -> Picture:
    """The first frame. Transparency is laid on white; greater bit depths are scaled to 8 bits.

    Raises ImageError: UnsupportedImage, UnreadableImage, or ImageTooLarge (decided by the header alone).
    """
    try:
        with _open(data) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageTooLarge(limit=max_pixels, actual=width * height)
            scale = min(1.0, max_side / max(width, height))
            target = max(1, round(width * scale)), max(1, round(height * scale))
            # JPEG alone: the decoder skips the frequencies that the reduced picture cannot show.
            image.draft(None, target)
            image.load()
            # After load(), because PNG may keep its EXIF behind the pixels, and TIFF turns itself.
            orientation = _orientation(image)
            reduced = _rgb(image)
        if reduced.size != target:
            reduced = reduced.resize(target, Image.Resampling.BICUBIC, reducing_gap=2.0)
        if orientation in _UPRIGHT:
            reduced = reduced.transpose(_UPRIGHT[orientation])
        if orientation >= 5:
            width, height = height, width
        return Picture(np.array(reduced, dtype=np.uint8), width, height)
    except _DAMAGE as error:
        raise UnreadableImage from error


def _open(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise (UnreadableImage if _has_known_magic(data) else UnsupportedImage) from error


def _has_known_magic(data: bytes) -> bool:
    """Whether a file that no parser accepts at least begins like one of the supported formats."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    is_heif = data[4:8] == b"ftyp" and data[8:12] in _BRANDS
    return data.startswith(_MAGIC) or is_webp or is_heif


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 where there is none."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DAMAGE:
        # Damaged EXIF is common in the wild and does not make the picture unreadable.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = Image.new("RGB", layer.size, "white")
        page.paste(layer, mask=layer.getchannel("A"))
        return page
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or float to 8 bits: by the range of the type where it is known, else by the values."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    tops = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    top = next((top for top in tops if low >= 0.0 and high <= top), None)
    if top is None:
        values, top = values - low, high - low or 1.0
    return Image.fromarray(np.rint(values * (255.0 / top)).astype(np.uint8))
