"""The first directory of a TIFF structure, which EXIF has too: its entries, and the same with other values."""

import contextlib
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from xmp.containers.container import Edit, spliced
from xmp.errors import DamagedFile, UnwritableFormat

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BYTE, ASCII, LONG, UNDEFINED = 1, 2, 4, 7
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
EMPTY = b"II*\0\x08\0\0\0" + bytes(6)  # a header, and a directory without entries


class Value(NamedTuple):
    """What an entry holds: its type, and the bytes of all its items."""

    kind: int
    data: bytes


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


def layout_of(data: bytes) -> Layout:
    order = "<" if data[:2] == b"II" else ">"
    return Layout(order, "Q", "Q", 20, 8) if b"+" in data[2:4] else Layout(order, "I", "H", 12, 4)


def first_directory(data: bytes, layout: Layout) -> int:
    """Return the offset of the first directory. Raises DamagedFile."""
    try:
        return int(struct.unpack_from(layout.order + layout.offset, data, layout.first)[0])
    except struct.error as error:
        raise DamagedFile from error


def entries_at(data: bytes, layout: Layout, start: int) -> list[Entry]:
    """Return the entries. Raises DamagedFile where the directory or a value is not within the file."""
    try:
        (count,) = struct.unpack_from(layout.order + layout.number, data, start)
        first = start + struct.calcsize(layout.order + layout.number)
        if not start or first + count * layout.entry + struct.calcsize(layout.offset) > len(data):
            raise DamagedFile
        return [_entry(data, layout, first + number * layout.entry) for number in range(count)]
    except (struct.error, OverflowError) as error:
        raise DamagedFile from error


def readable_entries(data: bytes, layout: Layout, start: int) -> Iterator[Entry]:
    """Yield the entries that are within the file, with values that are, to read some of a structure that is damaged."""
    head = struct.calcsize(layout.order + layout.number)
    if not 0 < start <= len(data) - head:
        return
    (count,) = struct.unpack_from(layout.order + layout.number, data, start)
    for at in range(start + head, min(start + head + count * layout.entry, len(data) - layout.entry + 1), layout.entry):
        with contextlib.suppress(DamagedFile):
            yield _entry(data, layout, at)


def value_bytes(data: bytes, entry: Entry) -> bytes:
    return data[entry.value : entry.value + _SIZES.get(entry.kind, 1) * entry.length]


def numbers(data: bytes, layout: Layout, entry: Entry) -> tuple[int, ...]:
    code = {3: "H", 4: "I", 16: "Q"}.get(entry.kind)
    if code is None:
        raise DamagedFile
    return struct.unpack_from(f"{layout.order}{entry.length}{code}", data, entry.value)


def next_directory(data: bytes, layout: Layout, start: int, count: int) -> int:
    at = start + struct.calcsize(layout.order + layout.number) + count * layout.entry
    return int(struct.unpack_from(layout.order + layout.offset, data, at)[0])


def with_values(data: bytes, values: Mapping[int, Value]) -> bytes:
    """Return the structure with these tags in its first directory; no other byte moves.

    A value goes into the place of the old one where it fits, else to the end; with a tag more, so does a copy of the
    directory, to which the header then refers. Raises DamagedFile, and UnwritableFormat beyond 4 GB of a classic TIFF.
    """
    layout = layout_of(data)
    start = first_directory(data, layout)
    entries = {entry.tag: entry for entry in entries_at(data, layout, start)}
    edits, tail = dict[int, bytes](), bytearray(len(data) % 2)
    written = dict[int, bytes]()
    for tag, value in values.items():
        entry = _placed(data, layout, tag, value, entries.get(tag), edits, tail)
        written[tag] = entry
        if tag in entries:
            edits[entries[tag].at] = entry
    if written.keys() - entries.keys():
        kept = {entry.tag: data[entry.at : entry.at + layout.entry] for entry in entries_at(data, layout, start)}
        following = next_directory(data, layout, start, len(kept))
        tail += bytes(-(len(data) + len(tail)) % (8 if layout.offset == "Q" else 2))
        edits[layout.first] = struct.pack(layout.order + layout.offset, _checked(layout, len(data) + len(tail)))
        tail += _directory_bytes(layout, {**kept, **written}, following)
    changes = [Edit(at, at + len(new), new) for at, new in edits.items()]
    return spliced(data, changes, bytes(tail) if len(tail) > len(data) % 2 else b"")


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


def _placed(
    data: bytes, layout: Layout, tag: int, value: Value, old: Entry | None, edits: dict[int, bytes], tail: bytearray
) -> bytes:
    """Return the entry of a value, and put the value into `edits` or at the end of `tail`."""
    content = value.data + bytes(-len(value.data) % _SIZES[value.kind])
    width = struct.calcsize(layout.offset)
    head = struct.pack(f"{layout.order}HH{layout.offset}", tag, value.kind, len(content) // _SIZES[value.kind])
    if len(content) <= width:
        return head + content.ljust(width, b"\0")
    size = len(value_bytes(data, old)) if old else 0
    if old and size > width and len(content) <= size:
        edits[old.value] = content.ljust(size, b"\0")
        return head + struct.pack(layout.order + layout.offset, old.value)
    tail += bytes(len(tail) % 2 ^ len(data) % 2)
    place = _checked(layout, len(data) + len(tail))
    tail += content
    return head + struct.pack(layout.order + layout.offset, place)


def _directory_bytes(layout: Layout, entries: Mapping[int, bytes], following: int) -> bytes:
    number = struct.pack(layout.order + layout.number, len(entries))
    return b"".join(
        [number, *(entries[tag] for tag in sorted(entries)), struct.pack(layout.order + layout.offset, following)]
    )


def _checked(layout: Layout, offset: int) -> int:
    if layout.offset == "I" and offset >= 2**32 - 2**20:
        raise UnwritableFormat("The file would be larger than TIFF allows; use a sidecar.")
    return offset
