"""The texts in EXIF's structure, which is a TIFF's (CIPA DC-008, 4.5)."""

from xmp.containers.tiff_directory import (
    ASCII,
    BYTE,
    MAGIC,
    UNDEFINED,
    Layout,
    first_directory,
    layout_of,
    numbers,
    readable_entries,
    value_bytes,
)
from xmp.errors import DamagedFile
from xmp.exif import MAX_BYTES, SUB_DIRECTORY, Tag, Values

NAME = b"Exif\0\0"
_TAGS = frozenset(Tag)
_KINDS = {ASCII, BYTE, UNDEFINED}


def read_texts(block: bytes | None) -> Values:
    """Return the texts of the first directory and of EXIF's own; those that are broken are left out."""
    structure = (block or b"").removeprefix(NAME)
    if not structure.startswith(MAGIC):
        return Values({})
    layout, found = layout_of(structure), dict[int, bytes]()
    try:
        start = first_directory(structure, layout)
        _add_texts(found, structure, layout, start)
        for entry in readable_entries(structure, layout, start):
            if entry.tag == SUB_DIRECTORY and entry.length == 1:
                _add_texts(found, structure, layout, numbers(structure, layout, entry)[0])
                break
    except DamagedFile:
        pass
    return Values(found, layout.order)


def _add_texts(found: dict[int, bytes], data: bytes, layout: Layout, start: int) -> None:
    for entry in readable_entries(data, layout, start):
        if entry.tag in _TAGS and entry.kind in _KINDS:
            found.setdefault(entry.tag, value_bytes(data, entry._replace(length=min(entry.length, MAX_BYTES))))
