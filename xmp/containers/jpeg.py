"""JPEG: XMP in APP1 (XMP Specification Part 3, 1.1.3), IIM in APP13, C2PA in APP11."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from xmp.containers.container import Buffer, Edit, Embedded, Exif, spliced
from xmp.containers.exif_texts import NAME as _EXIF
from xmp.containers.multi_picture import SIGNATURE as MULTI_PICTURE
from xmp.containers.multi_picture import moved
from xmp.containers.tiff_directory import EMPTY, Value, with_values
from xmp.errors import BrokenXmp, DamagedFile, PacketTooLarge
from xmp.iim import SIGNATURE as PHOTOSHOP

MAGIC = b"\xff\xd8\xff"
_XMP, _EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_SOS, _APP0, _APP1, _APP2, _APP11, _APP13, _COM = 0xDA, 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
_MAX_BODY = 65_533
_MAX_EXTENSION = 2**24
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xDA)} - {_SOS, 0xD9}


class Segment(NamedTuple):
    """`start` is the offset of the marker, `body` that behind the length, `end` that behind the segment."""

    marker: int
    start: int
    body: int
    end: int


def read(data: bytes) -> Embedded:
    packets, extensions, resources, is_signed = list[bytes](), list[bytes](), list[bytes](), False
    for segment in _segments(data):
        body = data[segment.body : segment.end]
        if segment.marker == _APP1 and body.startswith(_XMP):
            packets.append(body[len(_XMP) :])
        elif segment.marker == _APP1 and body.startswith(_EXTENSION):
            extensions.append(body[len(_EXTENSION) :])
        elif segment.marker == _APP13 and body.startswith(PHOTOSHOP):
            resources.append(body[len(PHOTOSHOP) :])
        elif segment.marker == _APP11:
            is_signed |= body.startswith(b"JP") and b"c2pa" in body[:200]
    if len(packets) > 1:
        raise BrokenXmp("The file has several XMP packets and was left as it is; use a sidecar.")
    packet = packets[0] if packets else None
    joined = b"".join(resources) if resources else None
    return Embedded(packet, _joined(packet, extensions), joined, is_signed)


def exif_block(data: bytes) -> bytes | None:
    return next((data[one.body : one.end] for one in _segments(data) if _kind(data, one) == "exif"), None)


def write(data: bytes, packet: bytes, resources: bytes | None = None, exif: Exif | None = None) -> bytes:
    """Put XMP, resources and EXIF in the places of the old ones, else behind JFIF and EXIF, and behind JFIF."""
    if len(_XMP) + len(packet) > _MAX_BODY:
        raise PacketTooLarge
    segments = list(_segments(data))
    new = {"xmp": _segment(_APP1, _XMP + packet)}
    if resources is not None:
        new["resources"] = b"".join(_resource_segments(resources))
    if exif:
        new = {"exif": _exif_segment(data, segments, exif), **new}
    heads = {kind: _head_end(segments, {_APP0} if kind == "exif" else {_APP0, _APP1}) for kind in new}
    edits, seen = list[Edit](), set[str]()
    for segment in segments:
        kind = _kind(data, segment)
        if kind in new and not (kind == "exif" and kind in seen):
            edits.append(Edit(segment.start, segment.end, b"" if kind in seen else new[kind]))
            seen.add(kind)
    edits += [Edit(heads[kind], heads[kind], content) for kind, content in new.items() if kind not in seen]
    return _with_multi_picture(data, segments, [edit for edit in edits if data[edit.start : edit.end] != edit.new])


def image_parts(data: bytes) -> Iterator[Buffer]:
    view = memoryview(data)
    end = 2
    for segment in _segments(data):
        end = segment.end
        if segment.marker not in range(_APP0, _APP0 + 16) and segment.marker != _COM:
            yield view[segment.start : segment.end]
    yield view[end:]


def _kind(data: bytes, segment: Segment) -> str:
    if segment.marker == _APP1:
        return "xmp" if data.startswith(_XMP, segment.body) else "exif" * data.startswith(_EXIF, segment.body)
    return "resources" if segment.marker == _APP13 and data.startswith(PHOTOSHOP, segment.body) else ""


def _exif_segment(data: bytes, segments: list[Segment], exif: Exif) -> bytes:
    old = next((data[one.body : one.end] for one in segments if _kind(data, one) == "exif"), _EXIF + EMPTY)
    body = _EXIF + with_values(old[len(_EXIF) :], {tag: Value(*value) for tag, value in exif.items()})
    if len(body) > _MAX_BODY:
        raise PacketTooLarge("The EXIF would be larger than the format allows; leave it out, or use a sidecar.")
    return _segment(_APP1, body)


def _head_end(segments: list[Segment], markers: set[int]) -> int:
    end = 2
    for segment in segments:
        if segment.marker not in markers:
            break
        end = segment.end
    return end


def _segments(data: bytes) -> Iterator[Segment]:
    """Yield the segments before the first scan. Raises DamagedFile for bytes between them, or no scan."""
    at = 2
    while at + 4 <= len(data):
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        if at == start or at >= len(data):
            raise DamagedFile
        marker = data[at]
        if marker == _SOS:
            return
        length = int.from_bytes(data[at + 1 : at + 3])
        if marker in {0, 0xD9} or marker in _WITHOUT_LENGTH or length < 2 or at + 1 + length > len(data):
            raise DamagedFile
        yield Segment(marker, start, at + 3, at + 1 + length)
        at += 1 + length
    raise DamagedFile


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _resource_segments(resources: bytes) -> Iterator[bytes]:
    size = _MAX_BODY - len(PHOTOSHOP)
    for at in range(0, len(resources), size):
        yield _segment(_APP13, PHOTOSHOP + resources[at : at + size])


def _joined(packet: bytes | None, extensions: list[bytes]) -> bytes | None:
    """Join the parts (digest, full length, offset) whose digest the packet names; None without or with holes."""
    parts = dict[int, bytes]()
    length = 0
    for part in extensions:
        if len(part) > 40 and packet and part[:32] in packet:
            length, offset = struct.unpack_from(">II", part, 32)
            parts[offset] = part[40:]
    joined = b"".join(content for _, content in sorted(parts.items()))
    return joined if parts and len(joined) == length <= _MAX_EXTENSION else None


def _with_multi_picture(data: bytes, segments: list[Segment], edits: list[Edit]) -> bytes:
    """Apply edits; the index of further images behind the first one (CIPA DC-007) is moved with them."""
    for segment in segments:
        if segment.marker == _APP2 and data.startswith(MULTI_PICTURE, segment.body):
            before = sum(len(new) - (end - start) for start, end, new in edits if start <= segment.start)
            after = sum(len(new) - (end - start) for start, end, new in edits if start > segment.start)
            body = moved(data[segment.body : segment.end], before + after, after)
            if before + after:
                edits.append(Edit(segment.body, segment.end, body))
    return spliced(data, edits)
