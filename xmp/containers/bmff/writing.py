"""XMP spliced into an AVIF or HEIC file: no byte of an image or a sample changes, and what is moved is found again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from xmp.containers.bmff.file import File, parsed
from xmp.containers.bmff.index import Index, place, places, with_location
from xmp.containers.bmff.items import (
    Box,
    Location,
    LocationTable,
    box,
    info_with,
    is_in_file,
    locations_bytes,
    moved,
    references_with,
)
from xmp.containers.bmff.tracks import Track, chunk_offsets, offsets_bytes
from xmp.containers.container import Edit, Exif, spliced
from xmp.errors import BrokenXmp, DamagedFile, UnwritableFormat

_OF_FILMS = {b"moof", b"sidx", b"mfra"}
# Phones put a film behind the images, which is found from the end of the file.
_LAST = {b"mpvd", b"sefd"}
_NO_SPACE = "The file's index of items has no space for words; use a sidecar."
_EMPTY_TABLE = LocationTable(0, bytes(3), 4, 4, 0, 0, ())

Growth = tuple[int, int]  # the offset behind which data moves, and by how many bytes


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Replace the item's data where it is, else append it; without an item, add one."""
    file = parsed(data)
    _require_editable(data, file)
    return _replaced(data, file, packet) if file.xmp_items else _added(data, file, packet)


def _require_editable(data: bytes, file: File) -> None:
    if all(one.number != file.primary for one in file.index.items):
        raise DamagedFile
    if any(one.name in _OF_FILMS for one in file.outer) or any(b"saio" in one.parts for one in file.tracks):
        raise UnwritableFormat("Words are not written into a film that is in fragments; use a sidecar.")
    if file.outer[-1].end == len(data) and data[file.outer[-1].start : file.outer[-1].start + 4] == bytes(4):
        raise UnwritableFormat("The last part of the file has no length of its own; use a sidecar.")
    if not file.xmp_items and any(index.xmp_items for index in file.track_indexes):
        raise BrokenXmp("The file has XMP in a sequence of images alone; use a sidecar.")


def _tail(data: bytes, file: File) -> int:
    """Return the offset behind which nothing may be added. Raises UnwritableFormat where an item is there."""
    start = len(data)
    for one in reversed(file.outer):
        if one.name not in _LAST:
            break
        start = one.start
    if any(offset >= start for offset in _offsets(data, file)):
        raise UnwritableFormat
    return start


def _offsets(data: bytes, file: File) -> Iterator[int]:
    """Yield the offset of each part that is addressed in the file."""
    for index in [file.index, *file.track_indexes]:
        for one in index.table.locations:
            if is_in_file(one):
                yield from (one.base + extent.offset for extent in one.extents)
    for track in file.tracks:
        yield from chunk_offsets(data, track)


def _replaced(data: bytes, file: File, packet: bytes) -> bytes:
    """Put a packet into the place of the old one where it fits, else behind the file; spaces fill what it leaves."""
    item = file.xmp_items[0].number
    old = list(places(data, file.index, item))
    location = file.index.location(item)
    if location is None or len(old) != 1 or not location.extents[0].length:
        raise UnwritableFormat("The XMP of the file is in several parts; use a sidecar.")
    (at, size), end = old[0], _tail(data, file)
    own = next((one for one in file.outer if one.name == b"mdat" and (one.body, one.end) == (at, at + size)), None)
    added = box(b"mdat", packet)
    if len(packet) <= size:
        start, edits = at, [Edit(at, at + size, packet.ljust(size))]
    elif own and own.end == end:
        # What this package appended before is replaced.
        start, edits = own.start + 8, [Edit(own.start, own.end, added)]
    else:
        start, edits = end + 8, [Edit(at, at + size, b" " * size), Edit(end, end, added)]
    edits.append(_relocated(file.index, item, start, len(packet)))
    for index in file.track_indexes:
        for one in index.xmp_items:
            if list(places(data, index, one.number)) != old:
                raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
            edits.append(_relocated(index, one.number, start, len(packet)))
    return spliced(data, edits)


def _relocated(index: Index, item: int, offset: int, length: int) -> Edit:
    old = index.location(item)
    new = place(index.table, item, offset, length)
    if old is not None and old.base and old.base + old.extents[0].offset == offset:
        new = replace(old, extents=(old.extents[0]._replace(length=length),))
    table, iloc = locations_bytes(with_location(index.table, new)), index.inner[b"iloc"]
    if len(table) != iloc.end - iloc.start:
        raise UnwritableFormat(_NO_SPACE)
    return Edit(iloc.start, iloc.end, table)


def _added(data: bytes, file: File, packet: bytes) -> bytes:
    """Add an item to the file's index and, in AVIF, to that of each track that shows images.

    The boxes are made twice: with the offsets as they are, for their sizes; then with those that follow from these.
    """
    end, no_growth = _tail(data, file), [(0, 0)]
    sizes = _index_edits(data, file, no_growth, 0, len(packet))
    growths = [(edit.start, size) for edit in sizes if (size := len(edit.new) - (edit.end - edit.start))]
    _require_outside(data, file, growths)
    growth = sum(size for _, size in growths)
    edits = _index_edits(data, file, growths, end + growth + 8, len(packet))
    return spliced(data, [*edits, Edit(end, end, box(b"mdat", packet))])


def _index_edits(data: bytes, file: File, growths: list[Growth], offset: int, length: int) -> list[Edit]:
    """Return the edits of all indexes, tables of offsets, and sizes of the boxes around them."""
    edits = list(_file_index(data, file, growths, offset, length))
    edits.append(_resized(data, file.index.meta, edits))
    in_tracks = list[Edit]()
    for track in file.tracks:
        is_shown = file.is_avif_sequence and track.handler == b"pict"
        own = list(_track_edits(data, file, track, growths, (offset, length) if is_shown else None))
        in_tracks += [*own, _resized(data, track.box, own)]
    if file.moov:
        in_tracks.append(_resized(data, file.moov, in_tracks))
    return [*edits, *in_tracks]


def _file_index(data: bytes, file: File, growths: list[Growth], offset: int, length: int) -> Iterator[Edit]:
    index, references = file.index, file.index.inner.get(b"iref")
    number = max((one.number for one in index.items), default=0) + 1
    yield from _with_item(data, index, number, growths, offset, length)
    new = references_with(data, references, number, file.primary)
    yield Edit(references.start, references.end, new) if references else Edit(index.meta.end, index.meta.end, new)


def _track_edits(
    data: bytes, file: File, track: Track, growths: list[Growth], added: tuple[int, int] | None
) -> Iterator[Edit]:
    if track.index and added:
        number = max((one.number for one in track.index.items), default=0) + 1
        own = list(_with_item(data, track.index, number, growths, *added))
        yield from [*own, _resized(data, track.index.meta, own)]
    elif track.index:
        iloc = track.index.inner[b"iloc"]
        yield Edit(iloc.start, iloc.end, locations_bytes(_moved_table(track.index.table, growths)))
    elif added and b"hdlr" in file.index.inner:
        handler = file.index.inner[b"hdlr"]
        empty = box(b"iinf", bytes(6))
        info = info_with(empty, Box(b"iinf", 0, 8, len(empty)), 1)
        table = locations_bytes(with_location(_EMPTY_TABLE, place(_EMPTY_TABLE, 1, *added)))
        meta = box(b"meta", bytes(4) + data[handler.start : handler.end] + table + info)
        yield Edit(track.media.start, track.media.start, meta)
    offsets = tuple(_moved_offset(one, growths) for one in chunk_offsets(data, track))
    yield Edit(
        track.offsets.body + 8,
        track.offsets.body + 8 + _width(track) * len(offsets),
        offsets_bytes(track.offsets, offsets),
    )


def _width(track: Track) -> int:
    return 4 if track.offsets.name == b"stco" else 8


def _with_item(
    data: bytes, index: Index, number: int, growths: list[Growth], offset: int, length: int
) -> Iterator[Edit]:
    """Yield the edits of an index for an item more, whose data is at an offset of the new file."""
    info, iloc = index.inner[b"iinf"], index.inner[b"iloc"]
    yield Edit(info.start, info.end, info_with(data, info, number))
    table = _moved_table(index.table, growths)
    yield Edit(iloc.start, iloc.end, locations_bytes(with_location(table, place(table, number, offset, length))))


def _resized(data: bytes, around: Box, edits: Iterable[Edit]) -> Edit:
    """Return the edit of the size of a box, for the edits in it."""
    growth = sum(len(edit.new) - (edit.end - edit.start) for edit in edits)
    if around.body - around.start != 8 or data[around.start : around.start + 4] == bytes(4):
        raise UnwritableFormat
    return Edit(around.start, around.start + 4, (around.end - around.start + growth).to_bytes(4))


def _moved_table(table: LocationTable, growths: list[Growth]) -> LocationTable:
    return replace(table, locations=tuple(_moved_location(one, growths) for one in table.locations))


def _moved_location(location: Location, growths: list[Growth]) -> Location:
    for behind, growth in sorted(growths, reverse=True):
        location = moved(location, behind, growth)
    return location


def _moved_offset(offset: int, growths: list[Growth]) -> int:
    return offset + sum(growth for behind, growth in growths if behind <= offset)


def _require_outside(data: bytes, file: File, growths: list[Growth]) -> None:
    """Refuse data within what grows, and data of one item on both sides of it with a base in common."""
    grown = [file.index.meta, *([file.moov] if file.moov else [])]
    if any(one.start <= offset < one.end for offset in _offsets(data, file) for one in grown):
        raise UnwritableFormat
    for index in [file.index, *file.track_indexes]:
        for one in index.table.locations:
            moves = {_moved_offset(one.base + extent.offset, growths) - extent.offset for extent in one.extents}
            if one.base and is_in_file(one) and len(moves) > 1:
                raise UnwritableFormat
