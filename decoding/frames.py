"""Count the frames of an animation and the pages of a document without decoding them.

Pillow counts by loading each header, in quadratic time for TIFF; for GIF its canvas grows with frames that lie outside.
"""

import struct
from collections.abc import Iterator

import PIL.Image

from decoding.containers import Container, tiff
from decoding.containers.gif import color_table_bytes

# A loop over a hostile file ends here; the count is then a lower bound.
MAX_FRAMES = tiff.MAX_PAGES
_MAX_BLOCKS = 1_000_000
# Frames in time, and frames that are pages. Not HEIF: its primary image is the author's choice, and Pillow allocates
# the others before their size can be checked.
ANIMATIONS = frozenset(("GIF", "PNG", "WEBP", "AVIF"))
PAGED = frozenset(("TIFF",))


def frame_count(image: PIL.Image.Image, container: Container) -> int:
    """Return the number of frames or pages, 1 to MAX_FRAMES; a damaged file has those before the damage.

    GIF: those before the first that leaves the canvas, which would enlarge it.
    """
    if image.format == "GIF":
        return max(1, sum(1 for _ in _gif_frames(container.data, image.size)) - container.first_frame)
    if image.format == "TIFF":
        return max(1, sum(1 for _ in tiff.pages(container.data)))
    return min(MAX_FRAMES, max(1, int(getattr(image, "n_frames", 1))))


def _gif_frames(data: bytes, canvas: tuple[int, int]) -> Iterator[int]:
    """Yield the offset of each image descriptor."""
    at = 13 + color_table_bytes(data, 10)
    blocks = frames = 0
    while at + 10 < len(data) and frames < MAX_FRAMES and blocks < _MAX_BLOCKS:
        introducer = data[at]
        if introducer == 0x2C:
            left, top, width, height = struct.unpack_from("<4H", data, at + 1)
            if frames and (left + width > canvas[0] or top + height > canvas[1]):
                return
            yield at
            frames += 1
            at += 11 + color_table_bytes(data, at + 9)
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
