"""TIFF: XMP in tag 700 (XMP Specification Part 3, 1.1.6) of a directory that is appended, C2PA in tag 52545."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from xmp.containers.container import Embedded
from xmp.errors import DamagedFile, UnwritableFormat

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_XMP, _C2PA, _SUBFILE, _SUB_DIRECTORIES, _DNG = 700, 52545, 254, 330, 50706
_BYTE = 1
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_OFFSETS, _COUNTS = {273: 279, 324: 325}, {279, 325}
# Tags by which the pixels are decoded, beside those of the strips and tiles.
_PIXELS = {256, 257, 258, 259, 262, 266, 277, 278, 284, 292, 293, 317, 320, 322, 323, 338, 339, 347, 529, 530, 532}
_MAX_DIRECTORIES = 10_000


class Layout(NamedTuple):
    """Struct formats of an offset and of a number of entries; bytes of an entry; where the first offset is."""

    order: str
    offset: str
    number: str
    entry: int
    first: int


class Entry(NamedTuple):
    """`at`: the offset of the entry; `value`: the offset of its value, within the entry where it fits."""

    tag: int
    kind: int
    length: int
    at: int
    value: int


def read(data: bytes) -> Embedded:
    layout = _layout(data)
    first = _directory(data, layout, _first(data, layout))
    _require_image(data, layout, first)
    xmp = next((entry for entry in first if entry.tag == _XMP), None)
    return Embedded(_bytes(data, xmp) if xmp else None, is_signed=any(entry.tag == _C2PA for entry in first))


def write(data: bytes, packet: bytes, resources: bytes | None = None) -> bytes:
    """Append the packet, unless the old one's place is large enough; without one, append the directory with a tag."""
    layout = _layout(data)
    start = _first(data, layout)
    entries = _directory(data, layout, start)
    old = next((entry for entry in entries if entry.tag == _XMP), None)
    edited = bytearray(data)
    if old and old.value != _inline(layout, old) and len(packet) <= len(_bytes(data, old)):
        edited[old.value : old.value + len(packet)] = packet
        edited[old.value + len(packet) : old.value + len(_bytes(data, old))] = bytes(
            len(_bytes(data, old)) - len(packet)
        )
        place = old.value
    else:
        edited += bytes(len(edited) % 2)
        place = len(edited)
        edited += packet
    entry = struct.pack(f"{layout.order}HH{layout.offset}{layout.offset}", _XMP, _BYTE, len(packet), place)
    if old:
        edited[old.at : old.at + layout.entry] = entry
    else:
        _append_directory(edited, layout, start, entries, entry)
    if layout.offset == "I" and len(edited) >= 2**32:
        raise UnwritableFormat
    return bytes(edited)


def image_parts(data: bytes) -> Iterator[bytes]:
    layout = _layout(data)
    at, seen = _first(data, layout), set[int]()
    while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(at)
        entries = _directory(data, layout, at)
        tags = {entry.tag: entry for entry in entries}
        for entry in entries:
            if entry.tag in _PIXELS:
                yield struct.pack(">H", entry.tag) + _bytes(data, entry)
            elif entry.tag in _OFFSETS and _OFFSETS[entry.tag] in tags:
                lengths = _numbers(data, layout, tags[_OFFSETS[entry.tag]])
                for offset, length in zip(_numbers(data, layout, entry), lengths, strict=False):
                    yield data[offset : offset + length]
        at = _next(data, layout, at, len(entries))


def _layout(data: bytes) -> Layout:
    order = "<" if data[:2] == b"II" else ">"
    return Layout(order, "Q", "Q", 20, 8) if b"+" in data[2:4] else Layout(order, "I", "H", 12, 4)


def _first(data: bytes, layout: Layout) -> int:
    try:
        return int(struct.unpack_from(layout.order + layout.offset, data, layout.first)[0])
    except struct.error as error:
        raise DamagedFile from error


def _directory(data: bytes, layout: Layout, start: int) -> list[Entry]:
    """Return the entries. Raises DamagedFile where the directory or a value is not within the file."""
    try:
        (count,) = struct.unpack_from(layout.order + layout.number, data, start)
        first = start + struct.calcsize(layout.order + layout.number)
        if not start or first + count * layout.entry + struct.calcsize(layout.offset) > len(data):
            raise DamagedFile
        return [_entry(data, layout, first + number * layout.entry) for number in range(count)]
    except (struct.error, OverflowError) as error:
        raise DamagedFile from error


def _entry(data: bytes, layout: Layout, at: int) -> Entry:
    tag, kind, count = struct.unpack_from(f"{layout.order}HH{layout.offset}", data, at)
    inline = at + 4 + struct.calcsize(layout.offset)
    size = _SIZES.get(kind, 1) * count
    value = inline
    if size > struct.calcsize(layout.offset):
        (value,) = struct.unpack_from(layout.order + layout.offset, data, inline)
    if value + size > len(data):
        raise DamagedFile
    return Entry(tag, kind, count, at, value)


def _inline(layout: Layout, entry: Entry) -> int:
    return entry.at + 4 + struct.calcsize(layout.offset)


def _bytes(data: bytes, entry: Entry) -> bytes:
    return data[entry.value : entry.value + _SIZES.get(entry.kind, 1) * entry.length]


def _numbers(data: bytes, layout: Layout, entry: Entry) -> tuple[int, ...]:
    code = {3: "H", 4: "I", 16: "Q"}.get(entry.kind)
    if code is None:
        raise DamagedFile
    return struct.unpack_from(f"{layout.order}{entry.length}{code}", data, entry.value)


def _next(data: bytes, layout: Layout, start: int, count: int) -> int:
    at = start + struct.calcsize(layout.order + layout.number) + count * layout.entry
    return int(struct.unpack_from(layout.order + layout.offset, data, at)[0])


def _require_image(data: bytes, layout: Layout, entries: list[Entry]) -> None:
    """Refuse raw files: their makers keep offsets in places that nobody documents."""
    tags = {entry.tag: entry for entry in entries}
    is_preview = _SUBFILE in tags and _numbers(data, layout, tags[_SUBFILE])[:1] == (1,)
    if _DNG in tags or data[8:10] == b"CR" or (is_preview and _SUB_DIRECTORIES in tags):
        raise UnwritableFormat("Words are not written into raw files; use a sidecar.")


def _append_directory(edited: bytearray, layout: Layout, start: int, entries: list[Entry], new: bytes) -> None:
    """Copy the first directory to the end with a further entry, in order, and let the header refer to the copy."""
    following = _next(bytes(edited), layout, start, len(entries))
    kept = [(entry.tag, bytes(edited[entry.at : entry.at + layout.entry])) for entry in entries]
    written = [content for _, content in sorted([*kept, (_XMP, new)], key=lambda one: one[0])]
    edited += bytes(-len(edited) % (8 if layout.offset == "Q" else 2))
    struct.pack_into(layout.order + layout.offset, edited, layout.first, len(edited))
    edited += struct.pack(layout.order + layout.number, len(written)) + b"".join(written)
    edited += struct.pack(layout.order + layout.offset, following)
