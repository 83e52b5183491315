"""GIF: the screen, its first frame and an ICC profile."""

import struct
from collections.abc import Iterator

from decoding.containers.container import Container, bounded

MAGIC = (b"GIF87a", b"GIF89a")
_PROFILE = b"ICCRGBG1012"
_MAX_OFFSET = 2**16 - 1
_DESCRIPTOR, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
# 25 MB of whole blocks; larger profiles are ignored.
_MAX_PROFILE_BLOCKS = 100_000


def read(data: bytes) -> Container:
    """Put a transparent frame before a first one that leaves a part of the screen free: viewers show that transparent.

    Pillow fills that part with the palette's first color.
    """
    if len(data) < 13:
        return Container(data)
    width, height = struct.unpack_from("<HH", data, 6)
    frames = 13 + color_table_bytes(data, 10)
    at, profile = _first_frame(data, frames)
    if at is None:
        return Container(data, profile=profile)
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, at + 1)
    if width and height and (left > width or top > height):
        # Nothing of it is seen: at the screen's edge it needs no larger canvas.
        left, top = min(left, width), min(top, height)
        data = data[: at + 1] + struct.pack("<2H", left, top) + data[at + 5 :]
    right, bottom = max(width, left + frame_width), max(height, top + frame_height)
    crop = (0, 0, width, height) if width and height and (right, bottom) != (width, height) else None
    is_covered = not left and not top and frame_width >= width and frame_height >= height
    if is_covered or max(right, bottom) > _MAX_OFFSET:
        return Container(data, profile=profile, crop=crop)
    # At the far corner, so that the size of the canvas is known before a frame is decoded.
    extended = data[:frames] + _transparent_pixel(right - 1, bottom - 1) + data[frames:]
    return Container(extended, profile=profile, crop=crop, first_frame=1)


def _transparent_pixel(left: int, top: int) -> bytes:
    """Return a frame of one pixel that stays when the next frame is drawn."""
    control = b"\x21\xf9\x04\x05\0\0\0\0"
    return control + b"\x2c" + struct.pack("<4HB", left, top, 1, 1, 0x80) + bytes(6) + b"\x02\x02\x44\x01\0"


def color_table_bytes(data: bytes, at: int) -> int:
    """Return the length of the color table of which the flags are at `at`."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _first_frame(data: bytes, at: int) -> tuple[int | None, bytes | None]:
    """Return the offset of the first image descriptor and the profile in an application extension before it."""
    profile = None
    while at + 10 < len(data) and data[at] != _TRAILER:
        if data[at] == _DESCRIPTOR:
            return at, profile
        if data[at] != _EXTENSION:
            at += 1
            continue
        start, at = at + 2, _behind_blocks(data, at + 2)
        if profile is None and data[start + 1 : start + 1 + len(_PROFILE)] == _PROFILE:
            blocks = list(bounded(_blocks(data, start), _MAX_PROFILE_BLOCKS))
            profile = b"".join(blocks[1:]) if blocks[0] == _PROFILE else None
    return None, profile


def _blocks(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the sub-blocks of an extension."""
    while at < len(data) and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def _behind_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
