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
# The only formats that Pillow may try, by its names. Others include PostScript, which it would pass to another program.
FORMATS = tuple(_ACCEPTED)
# By Pillow's name of a format. MPO: a camera's JPEG with a preview beside the image, which is read as JPEG.
FILE_TYPES = {**_ACCEPTED, "MPO": _ACCEPTED["JPEG"], "DIB": _ACCEPTED["BMP"]}
