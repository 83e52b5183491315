"""The accepted image formats."""

from typing import NamedTuple


class FileType(NamedTuple):
    """How a stored file of a format is named and served."""

    suffix: str
    media_type: str


_ACCEPTED = {
    "JPEG": FileType("jpg", "image/jpeg"),
    "PNG": FileType("png", "image/png"),
    "WEBP": FileType("webp", "image/webp"),
    "GIF": FileType("gif", "image/gif"),
    "BMP": FileType("bmp", "image/bmp"),
    "TIFF": FileType("tif", "image/tiff"),
    "AVIF": FileType("avif", "image/avif"),
    "HEIF": FileType("heic", "image/heic"),
}
# Pillow's names of the formats that it may try. All others stay closed: among them is PostScript, which Pillow would
# hand to another program.
FORMATS = tuple(_ACCEPTED)
# By the name that Pillow gives an opened image. MPO is a JPEG of a camera that stores a preview beside the image.
FILE_TYPES = {**_ACCEPTED, "MPO": _ACCEPTED["JPEG"], "DIB": _ACCEPTED["BMP"]}
