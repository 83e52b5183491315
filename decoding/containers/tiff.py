"""TIFF: image file directories (IFD)."""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from decoding.containers.container import Container, bounded

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"MM*\0", b"II\0*")
# A loop over a hostile file ends here; the count is then a lower bound.
MAX_PAGES = 10_000
# Of all pages: directories may overlap, so that 10,000 of 65,535 entries fit into a megabyte.
_MAX_ENTRIES = 1_000_000
_MAX_VALUES = 2**20
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _PROFILE = 256, 257, 258, 259, 262, 284, 34675
_YCBCR = 6
_LAYOUT_TAGS = {_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANAR, 273, 279, 324, 325}
# None, CCITT, LZW, JPEG, Deflate, PackBits, LZMA and Zstandard: those that Pillow's libtiff is built with.
# Not the old JPEG (6), of which it reads some.
_JPEG = 7
_CODECS = {1, 2, 3, 4, 5, _JPEG, 8, 32771, 32773, 32946, 34925, 50000}
# The tags that say how pixels are stored, oriented and colored; 48129: JPEG XR.
_IMAGE_TAGS = {
    *(
        254,
        _WIDTH,
        _LENGTH,
        _BITS,
        _COMPRESSION,
        _PHOTOMETRIC,
        266,
        273,
        274,
        277,
        278,
        279,
        _PLANAR,
        292,
        293,
        317,
        320,
        322,
        323,
        324,
        325,
    ),
    *(332, 334, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 531, 532, 32997, _PROFILE, 48129, 50674),
}
# No image tag; libtiff ignores unknown ones.
_UNUSED_TAG = 65535


class _Layout(NamedTuple):
    """`order`, `offset`, `number`: struct formats. `entry`: bytes of an entry. `first`: where the first offset is."""

    order: str
    offset: str
    number: str
    entry: int
    first: int


def read(data: bytes) -> Container:
    """Rename the tags that are metadata, so that no decoder parses them."""
    layout = _layout(data)
    edited = bytearray(data)
    entries = (entry for start in pages(data) for entry in _entries(data, layout, start))
    for at, tag in bounded(entries, _MAX_ENTRIES):
        if tag not in _IMAGE_TAGS:
            struct.pack_into(layout.order + "H", edited, at, _UNUSED_TAG)
    return Container(bytes(edited))


def pages(data: bytes) -> Iterator[int]:
    """Yield the offset of each directory; a loop in the chain ends it."""
    layout = _layout(data)
    at, seen = layout.first, set[int]()
    while len(seen) < MAX_PAGES:
        try:
            (start,) = struct.unpack_from(layout.order + layout.offset, data, at)
            (entries,) = struct.unpack_from(layout.order + layout.number, data, start)
        except (struct.error, OverflowError):
            return
        if not start or start in seen:
            return
        seen.add(start)
        yield start
        at = start + struct.calcsize(layout.order + layout.number) + entries * layout.entry


def is_unsupported(data: bytes, *, is_open: bool) -> bool:
    """Return whether the first directory and its pixels are in the file, in a layout or by a codec that is not read."""
    layout, start = _layout(data), next(pages(data), 0)
    entries = islice(_entries(data, layout, start), _MAX_ENTRIES) if start else ()
    places = {tag: at for at, tag in entries if tag in _LAYOUT_TAGS}
    tags = {tag: _numbers(data, layout, at) for tag, at in places.items()}
    offsets, lengths = tags.get(273, tags.get(324, ())), tags.get(279, tags.get(325, ()))
    ends = [offset + length for offset, length in zip(offsets, lengths, strict=False)]
    is_whole = bool(ends and tags.get(_WIDTH) and tags.get(_LENGTH)) and max(ends) <= len(data)
    codec = next(iter(tags.get(_COMPRESSION, ())), 1)
    is_read = codec in _CODECS and not (codec == _JPEG and set(tags.get(_BITS, ())) != {8})
    is_read &= (tags.get(_PHOTOMETRIC), tags.get(_PLANAR)) != ((_YCBCR,), (2,))
    return is_whole and not (is_open and is_read)


def _layout(data: bytes) -> _Layout:
    order = "<" if data[:2] == b"II" else ">"
    is_big = b"+" in data[2:4]
    return _Layout(order, "Q", "Q", 20, 8) if is_big else _Layout(order, "I", "H", 12, 4)


def _entries(data: bytes, layout: _Layout, start: int) -> Iterator[tuple[int, int]]:
    """Yield the offset and the tag of each entry."""
    (count,) = struct.unpack_from(layout.order + layout.number, data, start)
    first = start + struct.calcsize(layout.order + layout.number)
    for at in range(first, min(first + count * layout.entry, len(data) - layout.entry + 1), layout.entry):
        yield at, struct.unpack_from(layout.order + "H", data, at)[0]


def _numbers(data: bytes, layout: _Layout, at: int) -> tuple[int, ...]:
    """Return the values of an entry of type SHORT, LONG or LONG8; none of another, a broken or a long one."""
    kind, count = struct.unpack_from(layout.order + "H" + layout.offset, data, at + 2)
    code = {3: "H", 4: "I", 16: "Q"}.get(kind)
    if code is None or count > _MAX_VALUES:
        return ()
    values = f"{layout.order}{count}{code}"
    at += 4 + struct.calcsize(layout.offset)
    if struct.calcsize(values) > struct.calcsize(layout.offset):
        (at,) = struct.unpack_from(layout.order + layout.offset, data, at)
    try:
        return struct.unpack_from(values, data, at)
    except (struct.error, OverflowError):
        return ()
