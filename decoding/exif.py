"""The orientation in EXIF."""

import struct

_ORIENTATION, _SHORT = 0x0112, 3
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
