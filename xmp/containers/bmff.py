"""AVIF and HEIC: XMP in an item of type `mime` (ISO/IEC 23008-12, annex A.3), whose data is appended to the file.

With an item more, the index at the start of the file grows, and the offsets of all items behind it grow with it. With
its own item already there, only that one's data is replaced.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xmp.containers.bmff_items import (
    CONTENT_TYPE,
    Box,
    Extent,
    Item,
    Location,
    LocationTable,
    box,
    boxes,
    described_items,
    info_with,
    is_in_file,
    is_in_meta,
    locations_bytes,
    moved,
    read_items,
    read_locations,
    references_with,
)
from xmp.containers.container import Buffer, Edit, Embedded, Exif, spliced
from xmp.errors import BrokenXmp, DamagedFile, UnwritableFormat

_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1"}
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_INDEX = {b"iinf", b"iloc", b"iref", b"pitm", b"idat", b"iprp"}


@dataclass(frozen=True, slots=True)
class _File:
    """The boxes of a file, those of its index, and the index."""

    outer: list[Box]
    meta: Box
    inner: dict[bytes, Box]
    items: list[Item]
    table: LocationTable

    primary: int
    described: dict[int, set[int]]

    @property
    def xmp_items(self) -> list[Item]:
        """Return those of the primary image: a gain map or an alternative image may have XMP of its own."""
        found = [one for one in self.items if one.kind == b"mime" and one.content_type == CONTENT_TYPE]
        return [one for one in found if self.primary in self.described.get(one.number, {self.primary})]

    def location(self, item: int) -> Location | None:
        return next((one for one in self.table.locations if one.item == item), None)


def has_magic(data: bytes) -> bool:
    size = min(int.from_bytes(data[:4]), 200)
    return data[4:8] == b"ftyp" and any(data[at : at + 4] in _BRANDS for at in range(8, size, 4) if at != 12)


def read(data: bytes) -> Embedded:
    file = _parsed(data)
    if len(file.xmp_items) > 1:
        raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
    packets = [b"".join(_extents(data, file, one.number)) for one in file.xmp_items]
    is_signed = any(one.name == b"uuid" and data[one.body : one.body + 16] == _C2PA for one in file.outer)
    return Embedded(packets[0] if packets else None, is_signed=is_signed)


def exif_block(data: bytes) -> bytes | None:
    """Return the EXIF of the primary image: an item that begins with the offset of the structure (A.2.1)."""
    file = _parsed(data)
    for one in file.items:
        if one.kind == b"Exif" and file.primary in file.described.get(one.number, {file.primary}):
            content = b"".join(_extents(data, file, one.number))
            return content[4 + int.from_bytes(content[:4]) :]
    return None


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Replace the item's data where it is, else append it; without an item, add one."""
    file = _parsed(data)
    if any(one.name in {b"moov", b"moof", b"sidx", b"mfra"} for one in file.outer):
        raise UnwritableFormat("Words are not written into a sequence of images or a film; use a sidecar.")
    if file.outer[-1].end == len(data) and data[file.outer[-1].start : file.outer[-1].start + 4] == bytes(4):
        raise UnwritableFormat("The last part of the file has no length of its own; use a sidecar.")
    if file.xmp_items:
        return _replaced(data, file, file.xmp_items[0].number, packet)
    return _added(data, file, packet)


def image_parts(data: bytes) -> Iterator[Buffer]:
    """Yield the data of all items but the XMP, by number, and their properties; of a sequence, all but the index."""
    view, file = memoryview(data), _parsed(data)
    xmp_items = {one.number for one in file.xmp_items}
    for one in sorted(file.items):
        if one.number not in xmp_items:
            yield one.number.to_bytes(4) + one.kind
            yield from _extents(data, file, one.number)
    for name in (b"iprp", b"pitm"):
        if name in file.inner:
            yield view[file.inner[name].start : file.inner[name].end]
    if any(one.name == b"moov" for one in file.outer):
        for outer in file.outer:
            if outer.name in {b"moov", b"mdat"}:
                yield view[outer.start : outer.end]


def _parsed(data: bytes) -> _File:
    outer = list(boxes(data, 0, len(data)))
    metas = [one for one in outer if one.name == b"meta"]
    if len(metas) != 1 or metas[0].end - metas[0].body < 4:
        raise DamagedFile
    inner = list(boxes(data, metas[0].body + 4, metas[0].end))
    named = {one.name: one for one in inner}
    if any(one != named[one.name] for one in inner if one.name in _INDEX):
        raise DamagedFile  # two of a kind
    try:
        items, table = read_items(data, named[b"iinf"]), read_locations(data, named[b"iloc"])
        primary = int.from_bytes(data[named[b"pitm"].body + 4 : named[b"pitm"].end])
        described = described_items(data, named[b"iref"]) if b"iref" in named else {}
    except (KeyError, IndexError) as error:
        raise DamagedFile from error
    if len({one.number for one in items}) != len(items):
        raise DamagedFile
    return _File(outer, metas[0], named, items, table, primary, described)


def _extents(data: bytes, file: _File, item: int) -> Iterator[Buffer]:
    """Yield the parts of an item's data. Raises DamagedFile where they are not in the file."""
    view, one = memoryview(data), file.location(item)
    if one is None:
        return  # derived of others, without data
    start = 0
    if is_in_meta(one) and b"idat" in file.inner:
        start = file.inner[b"idat"].body
    elif not is_in_file(one):
        raise DamagedFile
    for extent in one.extents:
        at = start + one.base + extent.offset
        # A length of 0 means all that follows.
        end = at + extent.length if extent.length else len(data)
        if end > len(data):
            raise DamagedFile
        yield view[at:end]


def _replaced(data: bytes, file: _File, item: int, packet: bytes) -> bytes:
    """Put a packet into the place of the old one where it fits, else behind the file; spaces fill what it leaves."""
    one, old = file.location(item), list(_places(data, file, item))
    if one is None or len(old) != 1 or not one.extents[0].length:
        raise UnwritableFormat("The XMP of the file is in several parts; use a sidecar.")
    at, size = old[0]
    last, tail, iloc = file.outer[-1], b"", file.inner[b"iloc"]
    if len(packet) <= size:
        new = replace(one, extents=(one.extents[0]._replace(length=len(packet)),))
        edits = [Edit(at, at + size, packet.ljust(size))]
    elif last.name == b"mdat" and (last.body, last.end) == (at, at + size):
        # What this package appended before is replaced.
        new, tail = _place(file, item, last.start + 8, len(packet)), box(b"mdat", packet)
        edits = [Edit(last.start, last.end, b"")]
    else:
        new, tail = _place(file, item, len(data) + 8, len(packet)), box(b"mdat", packet)
        edits = [Edit(at, at + size, b" " * size)]
    table = locations_bytes(_with_location(file.table, new))
    if len(table) != iloc.end - iloc.start:
        raise UnwritableFormat("The file's index of items has no space for words; use a sidecar.")
    return spliced(data, [*edits, Edit(iloc.start, iloc.end, table)], tail)


def _places(data: bytes, file: _File, item: int) -> Iterator[tuple[int, int]]:
    """Yield offset in the file and length of each part of an item's data."""
    one = file.location(item)
    start = file.inner[b"idat"].body if one and is_in_meta(one) and b"idat" in file.inner else 0
    for extent, part in zip(one.extents if one else (), _extents(data, file, item), strict=False):
        yield start + (one.base if one else 0) + extent.offset, len(part)


def _added(data: bytes, file: _File, packet: bytes) -> bytes:
    number = max((one.number for one in file.items), default=0) + 1
    references = file.inner.get(b"iref")
    changed = {
        file.inner[b"iinf"]: info_with(data, file.inner[b"iinf"], number),
        file.inner[b"iloc"]: locations_bytes(_with_location(file.table, _place(file, number, 0, len(packet)))),
    }
    new_references = references_with(data, references, number, file.primary)
    if references:
        changed[references] = new_references
    growth = sum(len(new) - (old.end - old.start) for old, new in changed.items())
    growth += 0 if references else len(new_references)
    locations = [moved(one, file.meta.end, growth) for one in file.table.locations]
    _require_outside_meta(file)
    place = _place(file, number, len(data) + growth + 8, len(packet))
    table = _with_location(replace(file.table, locations=tuple(locations)), place)
    changed[file.inner[b"iloc"]] = locations_bytes(table)
    if file.meta.body - file.meta.start != 8:
        raise UnwritableFormat
    size = (file.meta.end - file.meta.start + growth).to_bytes(4)
    edits = [Edit(old.start, old.end, new) for old, new in changed.items()]
    edits.append(Edit(file.meta.start, file.meta.start + 4, size))
    if not references:
        edits.append(Edit(file.meta.end, file.meta.end, new_references))
    return spliced(data, edits, box(b"mdat", packet))


def _place(file: _File, number: int, offset: int, length: int) -> Location:
    """Return the location of data at an offset of the file, in the form that the table has."""
    if file.table.offset_size:
        return Location(number, 0, 0, 0, (Extent(0, offset, length),))
    return Location(number, 0, 0, offset, (Extent(0, 0, length),))


def _with_location(table: LocationTable, new: Location) -> LocationTable:
    others = [new if one.item == new.item else one for one in table.locations]
    is_known = any(one.item == new.item for one in table.locations)
    return replace(table, locations=tuple(others if is_known else [*others, new]))


def _require_outside_meta(file: _File) -> None:
    """Refuse data that is addressed within the index by offsets of the file: it moves in parts."""
    for one in file.table.locations:
        offsets = [one.base + extent.offset for extent in one.extents] if is_in_file(one) else []
        if any(file.meta.start <= offset < file.meta.end for offset in offsets):
            raise UnwritableFormat
        if one.base and offsets and min(offsets) < file.meta.end <= max(offsets):
            raise UnwritableFormat
