"""File formats: where each one holds XMP, and how it is replaced without a change to any other byte."""

from typing import cast

from xmp.containers import bmff, gif, jpeg, png, tiff, tiff_directory, webp
from xmp.containers.container import Container, Embedded
from xmp.errors import UnwritableFormat

__all__ = ["Container", "Embedded", "container_of"]


def container_of(data: bytes) -> Container:
    """Return the module for the file's format. Raises UnwritableFormat for any other."""
    magics = ((jpeg.MAGIC, jpeg), (png.MAGIC, png), (gif.MAGIC, gif), (tiff_directory.MAGIC, tiff))
    found = next((module for magic, module in magics if data.startswith(magic)), None)
    if found is None and webp.has_magic(data):
        found = webp
    if found is None and bmff.has_magic(data):
        found = bmff
    if found is None:
        raise UnwritableFormat
    return cast("Container", found)
