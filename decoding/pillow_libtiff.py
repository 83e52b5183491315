"""Settings of libtiff and of how Pillow uses it."""

import contextlib
import ctypes

import PIL._imaging
import PIL.Image
from PIL import TiffImagePlugin

# Pillow's raw modes of big-endian samples, and those of this machine's order, in which libtiff returns samples.
_NATIVE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}


def use_libtiff() -> None:
    """Decode uncompressed files by libtiff, too: Pillow's own code misreads planes of 16 bits and subsampled YCbCr."""
    TiffImagePlugin.READ_LIBTIFF = True


def use_native_order(image: PIL.Image.Image) -> None:
    """Correct the byte order of an opened TIFF, which Pillow does for unsigned samples alone."""
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=(_NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
        for tile in getattr(image, "tile", [])
    ]


def silence_libtiff() -> None:
    """Make libtiff write nothing to stderr: its errors are raised, and its warnings are about readable images."""
    library = ctypes.CDLL(PIL._imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        with contextlib.suppress(AttributeError):  # a Pillow without libtiff
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)
