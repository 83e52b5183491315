"""The index of items in a box `meta`: of the file, or of a track."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xmp.containers.bmff.items import (
    CONTENT_TYPE,
    Box,
    Extent,
    Item,
    Location,
    LocationTable,
    boxes,
    is_in_file,
    is_in_meta,
    read_items,
    read_locations,
)
from xmp.containers.container import Buffer
from xmp.errors import DamagedFile

_BOXES = {b"iinf", b"iloc", b"iref", b"pitm", b"idat", b"iprp"}


@dataclass(frozen=True, slots=True)
class Index:
    """The box itself, those in it by name, the items, and where their data is."""

    meta: Box
    inner: dict[bytes, Box]
    items: list[Item]
    table: LocationTable

    @property
    def xmp_items(self) -> list[Item]:
        return [one for one in self.items if one.kind == b"mime" and one.content_type == CONTENT_TYPE]

    def location(self, item: int) -> Location | None:
        return next((one for one in self.table.locations if one.item == item), None)


def read_index(data: bytes, meta: Box) -> Index:
    """Return the index. Raises DamagedFile."""
    if meta.end - meta.body < 4:
        raise DamagedFile
    inner = list(boxes(data, meta.body + 4, meta.end))
    named = {one.name: one for one in inner}
    if any(one != named[one.name] for one in inner if one.name in _BOXES):
        raise DamagedFile  # two of a kind
    try:
        items, table = read_items(data, named[b"iinf"]), read_locations(data, named[b"iloc"])
    except (KeyError, IndexError) as error:
        raise DamagedFile from error
    if len({one.number for one in items}) != len(items):
        raise DamagedFile
    return Index(meta, named, items, table)


def extents(data: bytes, index: Index, item: int) -> Iterator[Buffer]:
    """Yield the parts of an item's data. Raises DamagedFile where they are not in the file."""
    view = memoryview(data)
    for at, size in places(data, index, item):
        yield view[at : at + size]


def places(data: bytes, index: Index, item: int) -> Iterator[tuple[int, int]]:
    """Yield offset in the file and length of each part of an item's data. Raises DamagedFile."""
    one = index.location(item)
    if one is None:
        return  # derived of others, without data
    start = 0
    if is_in_meta(one) and b"idat" in index.inner:
        start = index.inner[b"idat"].body
    elif not is_in_file(one):
        raise DamagedFile
    for extent in one.extents:
        at = start + one.base + extent.offset
        # A length of 0 means all that follows.
        end = at + extent.length if extent.length else len(data)
        if end > len(data):
            raise DamagedFile
        yield at, end - at


def place(table: LocationTable, number: int, offset: int, length: int) -> Location:
    """Return the location of data at an offset of the file, in the form that the table has."""
    if table.offset_size:
        return Location(number, 0, 0, 0, (Extent(0, offset, length),))
    return Location(number, 0, 0, offset, (Extent(0, 0, length),))


def with_location(table: LocationTable, new: Location) -> LocationTable:
    others = [new if one.item == new.item else one for one in table.locations]
    is_known = any(one.item == new.item for one in table.locations)
    return replace(table, locations=tuple(others if is_known else [*others, new]))
