"""PNG: XMP in an iTXt chunk before the pixels (XMP Specification Part 3, 1.1.5), C2PA in caBX."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from xmp.containers.container import Buffer, Edit, Embedded, Exif, spliced
from xmp.errors import BrokenXmp, DamagedFile

MAGIC = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp\0"
_MAX_BYTES = 2**24
# ImageMagick's form of a profile in hexadecimal.
_RAW_PROFILE = b"Raw profile type xmp\0"
_PIXELS = {b"acTL", b"fcTL", b"fdAT", b"tRNS"}


class Chunk(NamedTuple):
    """`start` is the offset of the length, `end` that behind the checksum."""

    name: bytes
    start: int
    end: int


def read(data: bytes) -> Embedded:
    chunks = list(_chunks(data))
    packets = [_packet(_body(data, chunk)) for chunk in chunks if _is_xmp(data, chunk)]
    texts = [chunk for chunk in chunks if chunk.name in {b"zTXt", b"tEXt", b"iTXt"}]
    if len(packets) > 1 or any(data.startswith(_RAW_PROFILE, chunk.start + 8) for chunk in texts):
        raise BrokenXmp("The file has several XMP packets, or one in an older form; use a sidecar.")
    is_signed = any(chunk.name == b"caBX" for chunk in chunks)
    return Embedded(packets[0] if packets else None, is_signed=is_signed)


def exif_block(data: bytes) -> bytes | None:
    return next((_body(data, chunk) for chunk in _chunks(data) if chunk.name == b"eXIf"), None)


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Put the chunk in the place of the old one, else behind the header."""
    body = b"iTXt" + _KEYWORD + b"\0\0\0\0" + packet
    new = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    chunks = list(_chunks(data))
    old = next((chunk for chunk in chunks if _is_xmp(data, chunk)), None)
    header = next(chunk.end for chunk in chunks if chunk.name == b"IHDR")
    start, end = (old.start, old.end) if old else (header, header)
    return spliced(data, [Edit(start, end, new)])


def image_parts(data: bytes) -> Iterator[Buffer]:
    view = memoryview(data)
    for chunk in _chunks(data):
        if not chunk.name[0] & 0x20 or chunk.name in _PIXELS:
            yield view[chunk.start : chunk.end]


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to IEND. Raises DamagedFile where one is cut off or there is no header."""
    at, has_header = len(MAGIC), False
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or not name.isalpha():
            raise DamagedFile
        has_header |= name == b"IHDR"
        yield Chunk(name, at, end)
        at = end
        if name == b"IEND" and has_header:
            return
    raise DamagedFile


def _body(data: bytes, chunk: Chunk) -> bytes:
    return data[chunk.start + 8 : chunk.end - 4]


def _is_xmp(data: bytes, chunk: Chunk) -> bool:
    return chunk.name == b"iTXt" and data.startswith(_KEYWORD, chunk.start + 8)


def _packet(body: bytes) -> bytes:
    """Return the text behind keyword, compression, language and translated keyword."""
    flags, rest = body[len(_KEYWORD) : len(_KEYWORD) + 2], body[len(_KEYWORD) + 2 :]
    parts = rest.split(b"\0", 2)
    if len(flags) < 2 or len(parts) < 3:
        raise BrokenXmp
    if not flags[0]:
        return parts[2]
    try:
        return zlib.decompressobj().decompress(parts[2], _MAX_BYTES)
    except zlib.error as error:
        raise BrokenXmp from error
