"""The orientation and the texts in EXIF."""

import struct
from collections.abc import Iterator

_ORIENTATION, _SHORT, _ASCII, _BYTE = 0x0112, 3, 2, 1
IMAGE_DESCRIPTION, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT = 0x010E, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
_TEXTS = frozenset((IMAGE_DESCRIPTION, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT))
_MAX_BYTES = 2**14
_NAME = b"Exif\0\0"


def orientation(exif: bytes) -> int:
    """Return the EXIF orientation 1..8 of a TIFF structure; 1 if it has none, of another type than browsers read."""
    exif = exif.removeprefix(_NAME)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(order + "HHIH", exif, at)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and values == 1 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def texts(exif: bytes) -> dict[int, str]:
    """Return the description and Windows' title, comment, keywords and subject, by tag; those that are broken, not."""
    exif = exif.removeprefix(_NAME)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return {}
    found: dict[int, str] = {}
    try:
        for tag, kind, data in _first_directory(exif, order):
            if tag == IMAGE_DESCRIPTION and kind == _ASCII:
                found.setdefault(tag, data.decode("utf-8", "replace"))
            elif tag in _TEXTS and kind == _BYTE:
                found.setdefault(tag, data.decode("utf-16-le", "replace"))
    except struct.error:
        pass
    return {tag: text.rstrip("\0 ") for tag, text in found.items()}


def _first_directory(exif: bytes, order: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield tag, type and bytes of each text. Raises struct.error at the end of a directory that is cut."""
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length, value = struct.unpack_from(order + "HHII", exif, at)
        if tag in _TEXTS and length <= _MAX_BYTES:
            first = at + 8 if length <= 4 else value
            yield tag, kind, exif[first : first + length]
