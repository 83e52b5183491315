"""GIF: XMP in an application extension before the first frame (XMP Specification Part 3, 1.1.2).

The packet is not cut into sub-blocks: readers that do not know it take its bytes for lengths, and a trailer of falling
numbers leads each of them to the end.
"""

from collections.abc import Iterator
from typing import NamedTuple

from xmp.containers.container import Buffer, Edit, Embedded, Exif, spliced
from xmp.errors import BrokenXmp, DamagedFile, UnwritableFormat

MAGIC = (b"GIF87a", b"GIF89a")
_XMP, _C2PA = b"XMP DataXMP", b"C2PA_GIF\x01\0\0"
_TRAILER = b"\1" + bytes(range(255, -1, -1)) + b"\0"
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_APPLICATION, _COMMENT = 0xFF, 0xFE


class Block(NamedTuple):
    """`label`: of an extension, 0 of a frame. `application`: its 11 bytes. `body`: the offset behind them."""

    label: int
    application: bytes
    start: int
    body: int
    end: int


def read(data: bytes) -> Embedded:
    blocks = list(_blocks(data))
    packets = [_packet(data, block) for block in blocks if block.application == _XMP]
    if len(packets) > 1:
        raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
    is_signed = any(block.application[:8] == _C2PA[:8] for block in blocks)
    return Embedded(packets[0] if packets else None, is_signed=is_signed)


def exif_block(_data: bytes) -> None:
    """Return None: the format has no EXIF."""


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Put the extension in the place of the old one, else before the first frame; the version becomes 89a."""
    if b"\0" in packet:
        raise UnwritableFormat
    blocks, new = list(_blocks(data)), bytes([_EXTENSION, _APPLICATION, 11]) + _XMP + packet + _TRAILER
    old = next((block for block in blocks if block.application == _XMP), None)
    head = next(
        (block.start for block in blocks if block.label not in {_APPLICATION, _COMMENT}),
        blocks[-1].end if blocks else len(data),
    )
    start, end = (old.start, old.end) if old else (head, head)
    return spliced(data, [Edit(0, 6, MAGIC[1]), Edit(start, end, new)])


def image_parts(data: bytes) -> Iterator[Buffer]:
    view = memoryview(data)
    yield view[6 : _first_block(data)]
    for block in _blocks(data):
        if block.label not in {_APPLICATION, _COMMENT} or block.application == b"NETSCAPE2.0":
            yield view[block.start : block.end]


def _first_block(data: bytes) -> int:
    if len(data) < 13:
        raise DamagedFile
    return 13 + _color_table(data[10])


def _color_table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(data: bytes) -> Iterator[Block]:
    """Yield frames and extensions up to the trailer. Raises DamagedFile where one is cut off."""
    at = _first_block(data)
    while at < len(data) and data[at] != _END:
        start = at
        if data[at] == _IMAGE and at + 10 < len(data):
            body = at + 11 + _color_table(data[at + 9])
            label, application = 0, b""
        elif data[at] == _EXTENSION and at + 2 < len(data):
            label, body = data[at + 1], at + 2
            is_application = label == _APPLICATION and data[body] == 11
            application = data[body + 1 : body + 12] if is_application else b""
        else:
            raise DamagedFile
        at = _behind_sub_blocks(data, body)
        yield Block(label, application, start, body + (12 if application else 0), at)
    if at >= len(data):
        raise DamagedFile


def _behind_sub_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    if at >= len(data):
        raise DamagedFile
    return at + 1


def _packet(data: bytes, block: Block) -> bytes:
    content = data[block.body : block.end]
    if not content.endswith(_TRAILER):
        raise BrokenXmp
    return content[: -len(_TRAILER)]
