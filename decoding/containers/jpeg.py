"""JPEG: header segments."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from decoding.containers.container import Container, bounded, spliced

MAGIC = b"\xff\xd8\xff"
_SOI, _EOI, _SOS, _COM, _APP0, _APP1, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE
_APPLICATION = range(0xE0, 0xF0)
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_LOSSLESS = 0xC3
# JPEG-LS is no frame of ITU-T T.81, but has the same layout.
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
# Baseline, extended, progressive, lossless, and the two arithmetic-coded: the frames that libjpeg-turbo decodes.
_DECODABLE = {0xC0, 0xC1, 0xC2, _LOSSLESS, 0xC9, 0xCA}
_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
# Shorter ones are ignored by libjpeg, which decides by them how colors are stored, and refused by Pillow.
_COLOR_SEGMENTS = {_APP0: (b"JFIF\0", 14), _APP14: (b"Adobe", 12)}

# Metadata of 20 MB fills 300 segments.
_MAX_SEGMENTS = 100_000


class _Segment(NamedTuple):
    """`start` is the offset of the marker, `body` that behind the length, `end` that behind the segment."""

    marker: int
    start: int
    body: int
    end: int


def read(data: bytes) -> Container:
    removed, exif, profile, has_draft = list[tuple[int, int]](), b"", list[bytes](), True
    behind = 2
    for segment in bounded(_segments(data), _MAX_SEGMENTS):
        if behind < segment.start:
            removed.append((behind, segment.start))  # bytes between segments, which libjpeg skips and Pillow may refuse
        behind = segment.end
        if segment.marker not in _APPLICATION and segment.marker != _COM:
            has_draft &= segment.marker != _LOSSLESS
            continue
        body = data[segment.body : segment.end]
        name, length = _COLOR_SEGMENTS.get(segment.marker, (b"", 0))
        if name and body.startswith(name) and len(body) >= length:
            continue
        removed.append((segment.start, segment.end))
        if segment.marker == _APP1 and body.startswith(_EXIF):
            exif = exif or body[len(_EXIF) :]
        elif segment.marker == _APP2 and body.startswith(_ICC):
            profile.append(body[len(_ICC) :])
    return Container(spliced(data, removed), exif, _joined(profile), has_draft=has_draft)


def is_unsupported(data: bytes) -> bool:
    """Return whether the frame's coding, precision or number of components is one that no decoder here reads."""
    for segment in _segments(data):
        if segment.marker in _FRAMES:
            frame = data[segment.body : segment.end]
            if len(frame) < 6:
                return False
            precision, height, _, components = struct.unpack_from(">BHHB", frame)
            # Without a height it is in a segment behind the first scan.
            known = segment.marker in _DECODABLE and precision == 8 and components in {1, 3, 4} and height > 0
            return not known
    return False


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the whole segments before the first scan."""
    at = 2
    while (start := data.find(b"\xff", at)) >= 0:
        at = start + 1
        while data[at : at + 1] == b"\xff":
            at += 1
        marker = data[at] if at < len(data) else _EOI
        at += 1
        if marker in {_EOI, _SOS}:
            return
        if marker == 0 or marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[at : at + 2])
        if length < 2 or at + length > len(data):
            return
        yield _Segment(marker, at - 2, at + 2, at + length)
        at += length


def _joined(segments: list[bytes]) -> bytes | None:
    """Join the profile's segments by their numbers; None if one is missing."""
    segments.sort(key=lambda segment: segment[:1])
    numbered = all(len(part) > 1 and part[0] == number for number, part in enumerate(segments, start=1))
    if not segments or not numbered or segments[0][1] != len(segments):
        return None
    return b"".join(part[2:] for part in segments)
