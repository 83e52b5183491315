"""WebP: an XMP chunk at the end, announced in VP8X (RFC 9649), C2PA in a chunk of that name."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from xmp.containers.container import Buffer, Embedded, Exif
from xmp.errors import BrokenXmp, DamagedFile

_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}


class Chunk(NamedTuple):
    """`start` is the offset of the name, `end` that behind the content and its padding."""

    name: bytes
    start: int
    end: int
    size: int


def has_magic(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read(data: bytes) -> Embedded:
    chunks = _chunks(data)
    packets = [_body(data, chunk) for chunk in chunks if chunk.name == b"XMP "]
    if len(packets) > 1:
        raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
    is_signed = any(chunk.name == b"C2PA" for chunk in chunks)
    return Embedded(packets[0] if packets else None, is_signed=is_signed)


def exif_block(data: bytes) -> bytes | None:
    return next((_body(data, chunk) for chunk in _chunks(data) if chunk.name == b"EXIF"), None)


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Put the chunk in the place of the old one, else behind the last; a file without VP8X gets one."""
    chunks, new = _chunks(data), b"XMP " + struct.pack("<I", len(packet)) + packet + bytes(len(packet) % 2)
    view, parts, is_placed = memoryview(data), list[Buffer]([_extended_header(data, chunks)]), False
    for chunk in chunks:
        if chunk.name == b"VP8X":
            continue
        is_old = chunk.name == b"XMP "
        parts.append(new if is_old else view[chunk.start : chunk.end])
        is_placed |= is_old
    parts = parts if is_placed else [*parts, new]
    size = struct.pack("<I", len(b"WEBP") + sum(map(len, parts)))
    return b"".join([b"RIFF", size, b"WEBP", *parts, view[_riff_end(data) :]])


def image_parts(data: bytes) -> Iterator[Buffer]:
    view = memoryview(data)
    for chunk in _chunks(data):
        if chunk.name in _PIXELS:
            yield view[chunk.start : chunk.end]


def _riff_end(data: bytes) -> int:
    (size,) = struct.unpack_from("<I", data, 4)
    return min(len(data), 8 + int(size + size % 2))


def _chunks(data: bytes) -> list[Chunk]:
    """Return the chunks. Raises DamagedFile where they do not fill the file's declared size."""
    if len(data) < 20:
        raise DamagedFile
    (declared,) = struct.unpack_from("<I", data, 4)
    at, end, chunks = 12, 8 + declared, list[Chunk]()
    while at < end:
        if at + 8 > min(end, len(data)):
            raise DamagedFile
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > min(end, len(data)):
            raise DamagedFile
        behind = at + 8 + size + size % 2
        chunks.append(Chunk(name, at, min(behind, len(data)), size))
        at = behind
    if not chunks or chunks[-1].end - chunks[-1].start != 8 + chunks[-1].size + chunks[-1].size % 2:
        raise DamagedFile
    if chunks[0].name not in {b"VP8X", b"VP8 ", b"VP8L"} or any(one.name == b"VP8X" for one in chunks[1:]):
        raise DamagedFile
    return chunks


def _body(data: bytes, chunk: Chunk) -> bytes:
    return data[chunk.start + 8 : chunk.start + 8 + chunk.size]


def _extended_header(data: bytes, chunks: list[Chunk]) -> bytes:
    first, body = chunks[0], _body(data, chunks[0])
    if first.name == b"VP8X":
        if len(body) < 10:
            raise DamagedFile
        edited = bytearray(data[first.start : first.end])
        edited[8] |= _XMP_FLAG
        return bytes(edited)
    width, height, has_alpha = _canvas(first.name, body)
    flags = _XMP_FLAG | (_ALPHA_FLAG if has_alpha else 0)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<IB3x", 10, flags) + size


def _canvas(name: bytes, body: bytes) -> tuple[int, int, bool]:
    """Return width, height and alpha of a bitstream: RFC 6386, 9.1; RFC 9649, 3.4."""
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        width, height = struct.unpack_from("<HH", body, 6)
        size = width & 0x3FFF, height & 0x3FFF
        has_alpha = False
    elif name == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        has_alpha = bool(bits >> 28 & 1)
    else:
        raise DamagedFile
    if not all(size):
        raise DamagedFile
    return *size, has_alpha
