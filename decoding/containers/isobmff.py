"""AVIF and HEIC: boxes of the ISO base media file format."""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from decoding.containers.container import Container

_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
# Item types of images that libavif and libheif decode, and of images made from others.
_DECODABLE = {b"av01", b"hvc1", b"hev1", b"grid", b"iden", b"iovl"}
_MAX_BOXES = 10_000


class _Box(NamedTuple):
    """`start` is the offset of the content, `end` that behind it."""

    kind: bytes
    start: int
    end: int


def has_magic(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def read(data: bytes) -> Container:
    """Rename EXIF items: transforms are properties of the container, and Pillow would parse the items."""
    try:
        crop = _clean_aperture(data)
    except (struct.error, IndexError, ZeroDivisionError):
        crop = None
    return Container(_without_exif(data), crop=crop)


def is_unsupported(data: bytes) -> bool:
    """Return whether the primary image is of another coding, such as JPEG 2000."""
    try:
        meta = _meta(data)
        kind = _item_type(data, meta, _primary_item(data, meta)) if meta else b""
    except (struct.error, IndexError):
        return False
    return bool(kind) and kind not in _DECODABLE


def _without_exif(data: bytes) -> bytes:
    edited, at = bytearray(data), -1
    while (at := data.find(b"infe", at + 1)) >= 0:
        kind = at + (14 if data[at + 4 : at + 5] == b"\x03" else 12)
        if data[kind : kind + 4] == b"Exif":
            edited[kind : kind + 4] = b"free"
    return bytes(edited)


def _clean_aperture(data: bytes) -> tuple[int, int, int, int] | None:
    """Return the visible part of the primary image; None if there is no clean aperture or it is not within."""
    meta = _meta(data)
    if meta is None:
        return None
    properties = {box.kind: box for box in _properties(data, meta, _primary_item(data, meta))}
    if b"clap" not in properties or b"ispe" not in properties:
        return None
    width, height = struct.unpack_from(">II", data, properties[b"ispe"].start + 4)
    wide, wide_by, high, high_by, x, x_by, y, y_by = struct.unpack_from(">IIIIiIiI", data, properties[b"clap"].start)
    left = round((width - wide / wide_by) / 2 + x / x_by)
    top = round((height - high / high_by) / 2 + y / y_by)
    right, bottom = left + round(wide / wide_by), top + round(high / high_by)
    return (left, top, right, bottom) if 0 <= left < right <= width and 0 <= top < bottom <= height else None


def _meta(data: bytes) -> _Box | None:
    box = _child(data, _Box(b"", 0, len(data)), b"meta")
    return box and box._replace(start=box.start + 4)


def _primary_item(data: bytes, meta: _Box) -> int:
    box = _child(data, meta, b"pitm")
    if box is None:
        return 0
    return int(struct.unpack_from(">I" if data[box.start] else ">H", data, box.start + 4)[0])


def _item_type(data: bytes, meta: _Box, item: int) -> bytes:
    items = _child(data, meta, b"iinf")
    if items is None:
        return b""
    for box in _boxes(data, items._replace(start=items.start + (8 if data[items.start] else 6))):
        layout = ">I2x4s" if data[box.start] == 3 else ">H2x4s"
        number, kind = struct.unpack_from(layout, data, box.start + 4)
        if number == item:
            return bytes(kind)
    return b""


def _properties(data: bytes, meta: _Box, item: int) -> Iterator[_Box]:
    """Yield the properties associated with an item."""
    iprp = _child(data, meta, b"iprp")
    container, associations = (iprp and _child(data, iprp, kind) for kind in (b"ipco", b"ipma"))
    if not container or not associations:
        return
    properties = list(_boxes(data, container))
    at = associations.start
    has_long_ids, has_long_indices = data[at] > 0, data[at + 3] & 1
    (entries,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(entries, _MAX_BOXES)):
        number, count = struct.unpack_from(">IB" if has_long_ids else ">HB", data, at)
        at += 5 if has_long_ids else 3
        for index in struct.unpack_from(f">{count}{'H' if has_long_indices else 'B'}", data, at):
            place = (index & (0x7FFF if has_long_indices else 0x7F)) - 1
            if number == item and 0 <= place < len(properties):
                yield properties[place]
        at += count * (2 if has_long_indices else 1)


def _child(data: bytes, parent: _Box, kind: bytes) -> _Box | None:
    return next((box for box in _boxes(data, parent) if box.kind == kind), None)


def _boxes(data: bytes, parent: _Box) -> Iterator[_Box]:
    return islice(_all_boxes(data, parent.start, parent.end), _MAX_BOXES)


def _all_boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        behind = at + size if size else end
        if not start <= behind <= end:
            return
        yield _Box(kind, start, behind)
        at = behind
