"""GIF: the screen, its first frame and an ICC profile."""

import struct

from decoding.containers.container import Container

MAGIC = (b"GIF87a", b"GIF89a")
_PROFILE = b"ICCRGBG1012"
_MAX_OFFSET = 2**16 - 1


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
    while at + 10 < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            return at, profile
        if data[at] != 0x21:
            at += 1
            continue
        blocks, at = _blocks(data, at + 2)
        if blocks and blocks[0] == _PROFILE:
            profile = b"".join(blocks[1:])
    return None, profile


def _blocks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Return the sub-blocks of an extension, and the offset behind them."""
    blocks = []
    while at < len(data) and data[at]:
        blocks.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return blocks, at + 1
