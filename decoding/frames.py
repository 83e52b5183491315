"""Count the frames of an animation and the pages of a document without decoding them.

Pillow counts by loading each header, in quadratic time for TIFF; for GIF its canvas grows with frames that lie outside.
"""

import struct
from collections.abc import Iterator

import PIL.Image

# A loop over a hostile file ends here; the count is then a lower bound.
MAX_FRAMES = 10_000
_MAX_BLOCKS = 1_000_000
# Frames in time, and frames that are pages. Not HEIF: its primary image is the author's choice, and Pillow allocates
# the others before their size can be checked. Not MPO: its other images are previews and gain maps of the first.
ANIMATIONS = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
PAGED = frozenset(("TIFF",))


def frame_count(image: PIL.Image.Image, data: bytes) -> int:
    """Return the number of frames or pages, 1 to MAX_FRAMES; a damaged file has those before the damage.

    GIF: those before the first that leaves the canvas, which would enlarge it.
    """
    if image.format == "GIF":
        return max(1, sum(1 for _ in _gif_frames(data, image.size)))
    if image.format == "TIFF":
        return max(1, sum(1 for _ in _tiff_pages(data)))
    if image.format == "MPO":
        return 1
    return min(MAX_FRAMES, max(1, int(getattr(image, "n_frames", 1))))


def _gif_frames(data: bytes, canvas: tuple[int, int]) -> Iterator[int]:
    """Yield the offset of each image descriptor."""
    at = 13 + _color_table_bytes(data, 10)
    blocks = frames = 0
    while at + 10 < len(data) and frames < MAX_FRAMES and blocks < _MAX_BLOCKS:
        introducer = data[at]
        if introducer == 0x2C:
            left, top, width, height = struct.unpack_from("<4H", data, at + 1)
            if frames and (left + width > canvas[0] or top + height > canvas[1]):
                return
            yield at
            frames += 1
            at += 11 + _color_table_bytes(data, at + 9)
        elif introducer == 0x21:
            at += 2
        else:
            # The trailer, or bytes between blocks, which decoders skip.
            if introducer == 0x3B:
                return
            at, blocks = at + 1, blocks + 1
            continue
        while at < len(data) and data[at] and blocks < _MAX_BLOCKS:
            at, blocks = at + 1 + data[at], blocks + 1
        at += 1


def _color_table_bytes(data: bytes, at: int) -> int:
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _tiff_pages(data: bytes) -> Iterator[int]:
    """Yield the offset of each image file directory (IFD); a loop in the chain ends it."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = len(data) > 8 and struct.unpack_from(order + "H", data, 2)[0] == 43
    offset, count, entry = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    at, seen = 8 if is_big else 4, set[int]()
    while len(seen) < MAX_FRAMES:
        try:
            (start,) = struct.unpack_from(order + offset, data, at)
            (entries,) = struct.unpack_from(order + count, data, start)
        except (struct.error, OverflowError):
            return
        if not start or start in seen:
            return
        seen.add(start)
        yield start
        at = start + struct.calcsize(order + count) + entries * entry
