"""Read file formats as far as Pillow does not: cut out metadata, find profile, orientation and clean aperture.

Metadata is removed before Pillow parses the file, so that none of it decides whether an image can be read. What the
image needs of it is parsed here, and ignored where it is broken.
"""

from decoding.containers import bmp, gif, isobmff, jpeg, png, tiff
from decoding.containers.container import Container

__all__ = ["Container", "has_known_magic", "is_unsupported", "read_container"]

_READERS = (
    (jpeg.MAGIC, jpeg.read),
    (png.MAGIC, png.read),
    (gif.MAGIC, gif.read),
    (bmp.MAGIC, bmp.read),
    (tiff.MAGIC, tiff.read),
)


def read_container(data: bytes) -> Container:
    """Return the file for Pillow and what was read beside it; a file of any other format as it is."""
    for magic, read in _READERS:
        if data.startswith(magic):
            return read(data)
    return isobmff.read(data) if isobmff.has_magic(data) else Container(data)


def has_known_magic(data: bytes) -> bool:
    """Return whether the first bytes are those of an accepted format."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    known = (jpeg.MAGIC, png.MAGIC, *gif.MAGIC, *tiff.MAGIC)
    return data.startswith(known) or is_webp or bmp.has_magic(data) or isobmff.has_magic(data)


def is_unsupported(data: bytes, *, is_open: bool) -> bool:
    """Return whether a file that failed to decode is, by its header, of a variant that no decoder here reads.

    `is_open`: the header was accepted, and the pixels could not be decoded.
    """
    if data.startswith(jpeg.MAGIC):
        return jpeg.is_unsupported(data)
    if data.startswith(png.MAGIC):
        return png.is_unsupported(data)
    if data.startswith(tiff.MAGIC):
        return tiff.is_unsupported(data, is_open=is_open)
    if data.startswith(bmp.MAGIC):
        return not is_open  # Pillow reads a part of the bit fields and codings
    return isobmff.has_magic(data) and isobmff.is_unsupported(data)
