"""The index of a JPEG with several images, as of cameras and gain maps (CIPA DC-007, Multi-Picture Format)."""

import struct

SIGNATURE = b"MPF\0"
_ENTRIES, _ENTRY_BYTES = 0xB002, 16


def moved(body: bytes, growth: int, shift: int) -> bytes:
    """Return the segment's body for a first image that is `growth` bytes longer, `shift` of them behind this index.

    Offsets count from the index itself. One that is not understood is returned as it is.
    """
    start, edited = len(SIGNATURE), bytearray(body)
    order = {b"II": "<", b"MM": ">"}.get(body[start : start + 2], "")
    try:
        (directory,) = struct.unpack_from(order + "I", body, start + 4)
        (count,) = struct.unpack_from(order + "H", body, start + directory)
        for at in range(start + directory + 2, start + directory + 2 + 12 * count, 12):
            tag, _, length, offset = struct.unpack_from(order + "HHII", body, at)
            if tag == _ENTRIES:
                _move_entries(edited, order, start + offset, length // _ENTRY_BYTES, growth, shift)
    except (struct.error, KeyError):
        return body
    return bytes(edited) if order else body


def _move_entries(edited: bytearray, order: str, at: int, count: int, growth: int, shift: int) -> None:
    for entry in range(at, at + count * _ENTRY_BYTES, _ENTRY_BYTES):
        size, offset = struct.unpack_from(order + "II", edited, entry + 4)
        if not offset:
            size += growth
        else:
            offset += shift
        struct.pack_into(order + "II", edited, entry + 4, size, offset)
