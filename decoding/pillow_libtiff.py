"""Settings of libtiff and of how Pillow uses it."""

import contextlib
import ctypes

import PIL._imaging
import PIL.Image
from PIL import ImagePalette, TiffImagePlugin

# Pillow's raw modes of big-endian samples, and those of this machine's order, in which libtiff returns samples.
_NATIVE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}
_BITS, _COLOR_MAP, _SAMPLE_FORMAT, _SIGNED = 258, 320, 339, 2


def use_libtiff() -> None:
    """Decode uncompressed files by libtiff, too: Pillow's own code misreads planes of 16 bits and subsampled YCbCr."""
    TiffImagePlugin.READ_LIBTIFF = True


def correct_page(image: PIL.Image.Image) -> None:
    """Correct what Pillow makes of an opened TIFF's byte order, for signed and float samples, and color map."""
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
        for tile in getattr(image, "tile", [])
    ]
    colors = getattr(image, "tag_v2", {}).get(_COLOR_MAP)
    # Old writers store 8 of the 16 bits.
    if image.mode in {"P", "PA"} and colors and max(colors) < 256:
        image.palette = ImagePalette.raw("RGB;L", bytes(colors))


def has_signed_bytes(image: PIL.Image.Image) -> bool:
    """Return whether a TIFF's grey samples are signed and of 8 bits, which Pillow reads as unsigned."""
    tags = getattr(image, "tag_v2", {})
    return image.mode == "L" and tags.get(_SAMPLE_FORMAT) == (_SIGNED,) and tags.get(_BITS) == (8,)


def silence_libtiff() -> None:
    """Make libtiff write nothing to stderr: its errors are raised, and its warnings are about readable images."""
    library = ctypes.CDLL(PIL._imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        with contextlib.suppress(AttributeError):  # a Pillow without libtiff
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)
