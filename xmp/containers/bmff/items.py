"""Items of an ISO base media file (ISO/IEC 14496-12, 8.11): where their data is, and the same with one item more."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from xmp.errors import DamagedFile, UnwritableFormat

CONTENT_TYPE = b"application/rdf+xml"
_MAX_ITEMS = 10_000
_FILE = 0  # construction method: offsets count from the start of the file
_IN_META = 1  # from that of the item data box


class Box(NamedTuple):
    """`start` is the offset of its size, `body` that behind its name and size, `end` that behind it."""

    name: bytes
    start: int
    body: int
    end: int


class Extent(NamedTuple):
    number: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Location:
    """Where an item's data is; offsets count from the file, or from the item data box."""

    item: int
    method: int
    reference: int
    base: int
    extents: tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class LocationTable:
    """The box `iloc`, with the sizes of its fields in bytes."""

    version: int
    flags: bytes
    offset_size: int
    length_size: int
    base_size: int
    index_size: int
    locations: tuple[Location, ...]


class Item(NamedTuple):
    """An item's number, type, and the media type of one of type `mime`."""

    number: int
    kind: bytes
    content_type: bytes


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes from `start` to `end`. Raises DamagedFile where one is cut off."""
    at = start
    while at < end:
        if at + 8 > end:
            raise DamagedFile
        size, name = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if at + 16 > end:
                raise DamagedFile
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        behind = end if size == 0 else at + size
        if behind < body or behind > end:
            raise DamagedFile
        yield Box(name, at, body, behind)
        at = behind


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def read_items(data: bytes, info: Box) -> list[Item]:
    """Return the items of the box `iinf`. Raises DamagedFile."""
    width = 2 if data[info.body] == 0 else 4
    return [
        item
        for one in boxes(data, info.body + 4 + width, info.end)
        if one.name == b"infe"
        if (item := _item(data, one))
    ]


def _item(data: bytes, one: Box) -> Item | None:
    version = data[one.body] if one.body < one.end else 0
    if version not in {2, 3}:
        return None
    width = 2 if version == 2 else 4
    number = int.from_bytes(data[one.body + 4 : one.body + 4 + width])
    rest = data[one.body + 4 + width + 2 : one.end]
    kind, names = rest[:4], rest[4:].split(b"\0")
    return Item(number, kind, names[1] if kind == b"mime" and len(names) > 1 else b"")


def info_with(data: bytes, info: Box, number: int) -> bytes:
    """Return the box `iinf` with an item for XMP."""
    width = 2 if data[info.body] == 0 else 4
    count = int.from_bytes(data[info.body + 4 : info.body + 4 + width]) + 1
    wide = number >= 2**16
    head = bytes([3 if wide else 2, 0, 0, 1])  # hidden: it is no image
    entry = head + number.to_bytes(4 if wide else 2) + b"\0\0mimeXMP\0" + CONTENT_TYPE + b"\0"
    body = data[info.body : info.body + 4] + _sized(count, width) + data[info.body + 4 + width : info.end]
    return box(b"iinf", body + box(b"infe", entry))


def described_items(data: bytes, references: Box) -> dict[int, set[int]]:
    """Return by item the items that it describes, from the box `iref`. Raises DamagedFile."""
    reader = _Reader(data, references.body, references.end)
    width = 4 if reader.number(1) else 2
    found = dict[int, set[int]]()
    for one in boxes(data, references.body + 4, references.end):
        if one.name == b"cdsc":
            entry = _Reader(data, one.body, one.end)
            item, count = entry.number(width), entry.number(2)
            found.setdefault(item, set()).update(entry.number(width) for _ in range(count))
    return found


def references_with(data: bytes, references: Box | None, number: int, described: int) -> bytes:
    """Return the box `iref` with a reference from the XMP to the image that it describes."""
    body = data[references.body : references.end] if references else bytes(4)
    width = 2 if body[:1] == b"\0" else 4
    entry = _sized(number, width) + (1).to_bytes(2) + _sized(described, width)
    return box(b"iref", body + box(b"cdsc", entry))


def read_locations(data: bytes, table: Box) -> LocationTable:
    """Return the locations. Raises DamagedFile."""
    reader = _Reader(data, table.body, table.end)
    version, flags = reader.number(1), reader.take(3)
    sizes, more = reader.number(1), reader.number(1)
    width = 4 if version == 2 else 2
    if version > 2:
        raise DamagedFile
    found = LocationTable(version, flags, sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0, ())
    count = reader.number(width)
    if count > _MAX_ITEMS:
        raise DamagedFile
    return replace(found, locations=tuple(_location(reader, found, width) for _ in range(count)))


def _location(reader: "_Reader", table: LocationTable, width: int) -> Location:
    item = reader.number(width)
    method = reader.number(2) & 15 if table.version else _FILE
    reference, base, count = reader.number(2), reader.number(table.base_size), reader.number(2)
    extents = tuple(
        Extent(reader.number(table.index_size), reader.number(table.offset_size), reader.number(table.length_size))
        for _ in range(count)
    )
    return Location(item, method, reference, base, extents)


def locations_bytes(table: LocationTable) -> bytes:
    """Return the box `iloc`. Raises UnwritableFormat where a number does not fit."""
    width = 4 if table.version == 2 else 2
    sizes = bytes([table.offset_size << 4 | table.length_size, table.base_size << 4 | table.index_size])
    parts = [bytes([table.version]), table.flags, sizes, _sized(len(table.locations), width)]
    for one in table.locations:
        parts += [_sized(one.item, width), one.method.to_bytes(2) if table.version else b""]
        parts += [_sized(one.reference, 2), _sized(one.base, table.base_size), _sized(len(one.extents), 2)]
        for extent in one.extents:
            parts += [_sized(extent.number, table.index_size), _sized(extent.offset, table.offset_size)]
            parts.append(_sized(extent.length, table.length_size))
    return box(b"iloc", b"".join(parts))


def is_in_file(one: Location) -> bool:
    """Return whether its offsets count from the start of this file."""
    return one.method == _FILE and one.reference == 0


def is_in_meta(one: Location) -> bool:
    return one.method == _IN_META


def moved(one: Location, behind: int, growth: int) -> Location:
    """Return the location after a growth of what is before the offset `behind`."""
    if not is_in_file(one):
        return one
    if one.base:
        first = one.base + min((extent.offset for extent in one.extents), default=0)
        return replace(one, base=one.base + growth) if first >= behind else one
    extents = tuple(
        extent._replace(offset=extent.offset + growth) if extent.offset >= behind else extent for extent in one.extents
    )
    return replace(one, extents=extents)


def _sized(number: int, width: int) -> bytes:
    try:
        return number.to_bytes(width)
    except OverflowError as error:
        raise UnwritableFormat("The file's index of items has no space for words; use a sidecar.") from error


class _Reader:
    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, width: int) -> bytes:
        if self.at + width > self.end:
            raise DamagedFile
        self.at += width
        return self.data[self.at - width : self.at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width)) if width else 0
