"""The JPEG preview in a camera's raw file: CR2, NEF, ARW and DNG are TIFF structures with one or several.

TIFF 6.0 has the tags of a directory; Adobe's DNG Specification 1.7, "Preview images", those of a preview.
"""

import os
import struct
from collections.abc import Iterator
from typing import IO

RAW_SUFFIXES = frozenset((".cr2", ".nef", ".arw", ".dng"))
_COMPRESSION, _PHOTOMETRIC, _STRIPS, _ORIENTATION, _STRIP_BYTES = 259, 262, 273, 274, 279
_SUB_DIRECTORIES, _JPEG, _JPEG_BYTES, _EXIF = 330, 513, 514, 34665
_IS_JPEG = {6, 7}
_SENSOR = {32803, 34892}  # the photometric interpretations of what is not developed
_SHORT, _LONG, _DIRECTORY = 3, 4, 13
_MAX_DIRECTORIES, _MAX_ENTRIES = 64, 512
_SOI, _SOS = b"\xff\xd8\xff", 0xDA
_DECODABLE = {0xC0, 0xC1, 0xC2}  # baseline and progressive; a lossless one holds the sensor's data
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Tags = dict[int, tuple[int, ...]]


class NoPreview(Exception):
    def __str__(self) -> str:
        return "There is no JPEG preview in this raw file that can be decoded."


def is_raw(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in RAW_SUFFIXES  # noqa: PTH122


def read_preview(path: str, max_bytes: int) -> bytes:
    """Return the largest preview, with the orientation of the raw file. Raises OSError and NoPreview.

    A directory or preview that is damaged is left out, and so is a preview of more than `max_bytes`.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        directories = list(_directories(file))
        for start, length in sorted(_places(directories), key=lambda place: -place[1]):
            if length <= max_bytes and _is_decodable(_at(file, start, min(length, 2**16))):
                preview = _at(file, start, length)
                return _oriented(preview, _first(directories[0], _ORIENTATION, 1))
    raise NoPreview


def _places(directories: list[Tags]) -> Iterator[tuple[int, int]]:
    """Yield offset and length of what may be a preview."""
    for tags in directories:
        if _JPEG in tags and _JPEG_BYTES in tags:
            yield tags[_JPEG][0], tags[_JPEG_BYTES][0]
        is_image = _first(tags, _COMPRESSION, 1) in _IS_JPEG and _first(tags, _PHOTOMETRIC, 6) not in _SENSOR
        if is_image and len(tags.get(_STRIPS, ())) == len(tags.get(_STRIP_BYTES, ())) == 1:
            yield tags[_STRIPS][0], tags[_STRIP_BYTES][0]


def _directories(file: IO[bytes]) -> Iterator[Tags]:
    head = _at(file, 0, 8)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        return
    waiting, seen = [struct.unpack_from(order + "I", head, 4)[0]], set[int]()
    while waiting and len(seen) < _MAX_DIRECTORIES:
        start = waiting.pop(0)
        if start in seen or not start:
            continue
        seen.add(start)
        tags, following = _directory(file, order, start)
        yield tags
        waiting += [*tags.get(_SUB_DIRECTORIES, ()), *tags.get(_EXIF, ()), following]


def _directory(file: IO[bytes], order: str, start: int) -> tuple[Tags, int]:
    """Return the values of one or a few numbers, by tag, and the offset of the next directory."""
    head = _at(file, start, 2)
    count = min(struct.unpack(order + "H", head)[0], _MAX_ENTRIES) if len(head) == 2 else 0
    body, tags = _at(file, start + 2, 12 * count + 4), Tags()
    for at in range(0, min(12 * count, len(body) - 11), 12):
        tag, kind, length = struct.unpack_from(order + "HHI", body, at)
        code = {_SHORT: "H", _LONG: "I", _DIRECTORY: "I"}.get(kind)
        if code is None or not 0 < length <= _MAX_ENTRIES:
            continue
        size = struct.calcsize(code) * length
        (place,) = struct.unpack_from(order + "I", body, at + 8)
        data = body[at + 8 : at + 8 + size] if size <= 4 else _at(file, place, size)
        if len(data) == size:
            tags[tag] = struct.unpack(f"{order}{length}{code}", data)
    following = struct.unpack_from(order + "I", body, 12 * count)[0] if len(body) == 12 * count + 4 else 0
    return tags, following


def _first(tags: Tags, tag: int, default: int) -> int:
    return tags.get(tag, (default,))[0]


def _at(file: IO[bytes], start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _is_decodable(head: bytes) -> bool:
    """Return whether the first frame of a JPEG is one of pixels."""
    at = 2
    while head.startswith(_SOI) and at + 4 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _FRAMES:
            return marker in _DECODABLE
        if marker == _SOS:
            return False
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return False


def _oriented(preview: bytes, orientation: int) -> bytes:
    """Return the preview with this EXIF orientation, where it has no EXIF of its own."""
    if b"Exif\0\0" in preview[:64] or not 1 < orientation <= 8:
        return preview
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\1" + struct.pack(">HHIHHI", _ORIENTATION, _SHORT, 1, orientation, 0, 0)
    return preview[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + preview[2:]
