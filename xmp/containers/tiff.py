"""TIFF: XMP in tag 700 (XMP Specification Part 3, 1.1.6), IIM in tag 33723, C2PA in tag 52545."""

import struct
from collections.abc import Iterator, Mapping

from xmp.containers.container import Buffer, Embedded, Exif
from xmp.containers.tiff_directory import (
    BYTE,
    UNDEFINED,
    Entry,
    Layout,
    Value,
    entries_at,
    first_directory,
    layout_of,
    next_directory,
    numbers,
    value_bytes,
    with_values,
)
from xmp.errors import UnwritableFormat
from xmp.iim import block_of, with_block, without_block

_XMP, _C2PA, _SUBFILE, _SUB_DIRECTORIES, _DNG, _IIM, _PHOTOSHOP = 700, 52545, 254, 330, 50706, 33723, 34377
_OFFSETS, _COUNTS = {273: 279, 324: 325}, {279, 325}
# Tags by which the pixels are decoded, beside those of the strips and tiles.
_PIXELS = {256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 338, 339, 347, 529, 530, 532}
_MAX_DIRECTORIES = 10_000


def read(data: bytes) -> Embedded:
    tags = _tags(data)
    resources = _value(data, tags, _PHOTOSHOP)
    if _IIM in tags:
        resources = with_block(resources or b"", value_bytes(data, tags[_IIM]))
    return Embedded(_value(data, tags, _XMP), resources=resources, is_signed=_C2PA in tags)


def exif_block(data: bytes) -> bytes:
    return data


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Put the values into the places of the old ones, or to the end of the file."""
    tags, values = _tags(data), {_XMP: Value(BYTE, packet)}
    values |= {tag: Value(*value) for tag, value in (exif or {}).items()}
    if resources is not None:
        # Readers swap the bytes of numbers, and take IIM that is declared as such for swapped.
        values[_IIM] = Value(UNDEFINED, block_of(resources))
        if _PHOTOSHOP in tags:
            had_block = block_of(value_bytes(data, tags[_PHOTOSHOP])) != b""
            values[_PHOTOSHOP] = Value(BYTE, resources if had_block else without_block(resources))
    if _XMP in tags and value_bytes(data, tags[_XMP]) == packet:
        del values[_XMP]
    return with_values(data, values)


def image_parts(data: bytes) -> Iterator[Buffer]:
    view, layout = memoryview(data), layout_of(data)
    at, seen = first_directory(data, layout), set[int]()
    while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(at)
        entries = entries_at(data, layout, at)
        tags = {entry.tag: entry for entry in entries}
        for entry in entries:
            if entry.tag in _PIXELS:
                yield struct.pack(">H", entry.tag) + value_bytes(data, entry)
            elif entry.tag in _OFFSETS and _OFFSETS[entry.tag] in tags:
                lengths = numbers(data, layout, tags[_OFFSETS[entry.tag]])
                for offset, length in zip(numbers(data, layout, entry), lengths, strict=False):
                    yield view[offset : offset + length]
        at = next_directory(data, layout, at, len(entries))


def _tags(data: bytes) -> dict[int, Entry]:
    """Return the entries of the first directory, by tag. Raises UnwritableFormat for a raw file."""
    layout = layout_of(data)
    entries = entries_at(data, layout, first_directory(data, layout))
    tags = dict[int, Entry]()
    for entry in entries:
        tags.setdefault(entry.tag, entry)
    _require_image(data, layout, tags)
    return tags


def _value(data: bytes, tags: Mapping[int, Entry], tag: int) -> bytes | None:
    return value_bytes(data, tags[tag]) if tag in tags else None


def _require_image(data: bytes, layout: Layout, tags: Mapping[int, Entry]) -> None:
    """Refuse raw files: their makers keep offsets in places that nobody documents."""
    is_preview = _SUBFILE in tags and numbers(data, layout, tags[_SUBFILE])[:1] == (1,)
    if _DNG in tags or data[8:10] == b"CR" or (is_preview and _SUB_DIRECTORIES in tags):
        raise UnwritableFormat("Words are not written into raw files; use a sidecar.")
