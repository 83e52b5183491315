"""PNG: chunks."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from decoding.containers.container import Container, spliced

MAGIC = b"\x89PNG\r\n\x1a\n"
# The first chunk of Xcode's variant, whose data has no zlib header and other channels.
_APPLE = b"CgBI"
_ANIMATION = {b"acTL": 8, b"fcTL": 26, b"fdAT": 4}  # with the least length
_MAX_PROFILE_BYTES = 2**23
# The rest of a file with more is passed on as it is; Pillow parses it against the clock.
_MAX_CHUNKS = 100_000


class _Chunk(NamedTuple):
    """`start` is the offset of the length, `body` that of the content, `end` that behind the checksum."""

    name: bytes
    start: int
    body: int
    end: int


def read(data: bytes) -> Container:
    """Remove all but critical chunks, a valid animation and transparency."""
    chunks = list(islice(_chunks(data), _MAX_CHUNKS))
    is_animated = _is_animated(data, [chunk for chunk in chunks if chunk.name in _ANIMATION])
    removed, exif, profiles = list[tuple[int, int]](), b"", list[_Chunk]()
    for chunk in chunks:
        is_critical = not chunk.name[0] & 0x20
        is_frame = chunk.name in _ANIMATION and is_animated
        if is_critical or is_frame or (chunk.name == b"tRNS" and _is_transparency(data, chunk)):
            continue
        removed.append((chunk.start, chunk.end))
        if chunk.name == b"eXIf":
            exif = _body(data, chunk)
        elif chunk.name == b"iCCP" and _is_intact(data, chunk):
            profiles.append(chunk)
    # The first, as in libpng: each may take 8 MB and a hundredth of a second.
    profile = _decompressed(_body(data, profiles[0])) if profiles else None
    return Container(spliced(data, removed), exif, profile)


def is_unsupported(data: bytes) -> bool:
    return data[12:16] == _APPLE


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the whole chunks."""
    at = len(MAGIC)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or not name.isalpha():
            return
        yield _Chunk(name, at, at + 8, end)
        at = end


def _body(data: bytes, chunk: _Chunk) -> bytes:
    return data[chunk.body : chunk.end - 4]


def _is_intact(data: bytes, chunk: _Chunk) -> bool:
    checksum = zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.end - 4])
    return checksum == int.from_bytes(data[chunk.end - 4 : chunk.end])


def _is_transparency(data: bytes, chunk: _Chunk) -> bool:
    color_type = data[25]
    length = chunk.end - 4 - chunk.body
    return length >= {0: 2, 2: 6, 3: 1}.get(color_type, 2**32) and _is_intact(data, chunk)


def _is_animated(data: bytes, chunks: Sequence[_Chunk]) -> bool:
    """Return whether the animation's chunks are intact, numbered and within the image; else it is shown without."""
    controls = [chunk for chunk in chunks if chunk.name == b"acTL"]
    if len(controls) != 1 or len(data) < 24 or not any(data[controls[0].body : controls[0].body + 4]):
        return False
    width, height = struct.unpack_from(">II", data, 16)
    number = 0
    for chunk in chunks:
        body = data[chunk.body : min(chunk.end - 4, chunk.body + 26)]
        if len(body) < _ANIMATION[chunk.name] or not _is_intact(data, chunk):
            return False
        if chunk.name == b"acTL":
            continue
        if int.from_bytes(body[:4]) != number or (chunk.name == b"fdAT" and not number):
            return False
        number += 1
        if chunk.name == b"fcTL":
            frame_width, frame_height, left, top = struct.unpack_from(">4I", body, 4)
            if left + frame_width > width or top + frame_height > height:
                return False
    return True


def _decompressed(body: bytes) -> bytes | None:
    """Return the profile in an iCCP chunk."""
    _, _, rest = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _MAX_PROFILE_BYTES) if rest[:1] == b"\0" else None
    except zlib.error:
        return None
