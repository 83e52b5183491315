import itertools
import struct
from functools import partial

import numpy as np
from PIL import Image

from tests import images
from tests.hostile import containers
from tests.hostile.corpus.base import FULL, MEGABYTES, Build, array, exif_of_overlapping_tags

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, SAMPLES, ROWS, COUNTS = (
    256,
    257,
    258,
    259,
    262,
    273,
    277,
    278,
    279,
)
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325


def grey(
    width: int, height: int, *more: tuple[int, int, int, int], compression: int = 1
) -> list[tuple[int, int, int, int]]:
    plain = [(WIDTH, 4, 1, width), (LENGTH, 4, 1, height), (BITS, 3, 1, 8), (COMPRESSION, 3, 1, compression)]
    return sorted([*plain, (PHOTOMETRIC, 3, 1, 1), (SAMPLES, 3, 1, 1), *more])


def tiff_of_strips(strips: int, *, compression: int = 1) -> bytes:
    at = containers.tiff_data(9)
    counts = at + 4 * strips
    entries = grey(
        1, strips, (OFFSETS, 4, strips, at), (ROWS, 4, 1, 1), (COUNTS, 4, strips, counts), compression=compression
    )
    return containers.tiff(entries, struct.pack("<I", 8) * strips + struct.pack("<I", 1) * strips)


def tiff_of_tiles(side: int, packed: bytes) -> bytes:
    """Return a TIFF of 16 by 16 pixels in one tile of `side`²."""
    entries = grey(
        16,
        16,
        (TILE_WIDTH, 4, 1, side),
        (TILE_LENGTH, 4, 1, side),
        (TILE_OFFSETS, 4, 1, containers.tiff_data(10)),
        (TILE_COUNTS, 4, 1, len(packed)),
        compression=8,
    )
    return containers.tiff(entries, packed)


def tiff_strip(width: int, height: int, packed: bytes, *, rows: int | None = None) -> bytes:
    entries = grey(
        width,
        height,
        (OFFSETS, 4, 1, containers.tiff_data(9)),
        (ROWS, 4, 1, rows or height),
        (COUNTS, 4, 1, len(packed)),
        compression=8,
    )
    return containers.tiff(entries, packed)


def tiff_of_arrays(entries: int, values: int) -> bytes:
    """Return a TIFF of entries that all have the same long array, and nothing of an image."""
    at = containers.tiff_data(entries)
    return containers.tiff([(1000 + n, 3, values, at) for n in range(entries)], bytes(2 * values))


def tiff_of_overlapping_directories(directories: int) -> bytes:
    """Return a TIFF with one image and directories of 65,535 entries, each of which begins 4 bytes behind the last."""
    start = containers.tiff_data(9)
    image = grey(1, 1, (OFFSETS, 4, 1, 8), (ROWS, 4, 1, 1), (COUNTS, 4, 1, 1))
    starts = [start + 4 * n for n in range(directories)]
    following = struct.pack(f"<{directories}I", *starts[1:], 0)
    return containers.tiff(image, b"\xff" * (2 + 12 * 65_535) + following, following=start)


def tiff_chain(directories: int) -> bytes:
    """Return a TIFF with one image and many empty directories."""
    first = containers.tiff(
        grey(1, 1, (OFFSETS, 4, 1, 8), (ROWS, 4, 1, 1), (COUNTS, 4, 1, 1)), following=containers.tiff_data(9)
    )
    at = itertools.count(containers.tiff_data(9) + 6, 6)
    return first + b"".join(struct.pack("<HI", 0, next(at)) for _ in range(directories))


def big_tiff() -> bytes:
    return b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + struct.pack("<Q", 2**40) + bytes(200)


TIFF: dict[str, Build] = {
    "tiff: 2,000 arrays of 9,000,000 values": partial(tiff_of_arrays, 2_000, 9_000_000),
    "tiff: 10 overlapping directories": partial(tiff_of_overlapping_directories, 10),
    "tiff: 10,000 overlapping directories": partial(tiff_of_overlapping_directories, 10_000),
    "tiff: a million strips": partial(tiff_of_strips, 1_000_000),
    "tiff: a million packed strips": partial(tiff_of_strips, 1_000_000, compression=8),
    "tiff: two and a half million strips": partial(tiff_of_strips, 2_400_000),
    "tiff: 65,535 overlapping tags": lambda: exif_of_overlapping_tags(60_000, 10 * MEGABYTES),
    "tiff: a tile of 20,000² for 16²": lambda: tiff_of_tiles(20_000, containers.zeros(20_000**2)),
    "tiff: a tile of 46,336² of nothing": lambda: tiff_of_tiles(46_336, containers.zeros(100)),
    "tiff: a tile of 2^31": lambda: tiff_of_tiles(2**31, containers.zeros(100)),
    "tiff: a strip of 4,294,967,295 rows": lambda: tiff_strip(16, 16, containers.zeros(256), rows=2**32 - 1),
    "tiff: a gigabyte in a strip of 256 bytes": lambda: tiff_strip(16, 16, containers.zeros(1000 * MEGABYTES)),
    "tiff: 50 megapixels, 50 kB": lambda: tiff_strip(FULL, FULL, containers.zeros(FULL**2)),
    "tiff: 2^31 squared": lambda: tiff_strip(2**31, 2**31, containers.zeros(100)),
    "tiff: 50 megapixels of floats": lambda: array(
        np.zeros((FULL, FULL), np.float32), "TIFF", compression="tiff_deflate"
    ),
    "tiff: 50 megapixels of 32 bits": lambda: array(
        np.zeros((FULL, FULL), np.int32), "TIFF", compression="tiff_deflate"
    ),
    "tiff: 50 megapixels of 16 bits": lambda: array(
        np.zeros((FULL, FULL), np.uint16), "TIFF", compression="tiff_deflate"
    ),
    "tiff: 50 megapixels CMYK": lambda: images.encode(Image.new("CMYK", (FULL, FULL)), "TIFF", compression="tiff_lzw"),
    "tiff: a directory that follows itself": lambda: containers.tiff(
        grey(1, 1, (OFFSETS, 4, 1, 8), (ROWS, 4, 1, 1), (COUNTS, 4, 1, 1)), following=8
    ),
    "tiff: 500,000 directories": partial(tiff_chain, 500_000),
    "tiff: EXIF that is its own directory": lambda: containers.tiff(
        grey(1, 1, (OFFSETS, 4, 1, 8), (ROWS, 4, 1, 1), (COUNTS, 4, 1, 1), (0x8769, 4, 1, 8))
    ),
    "tiff: 65,535 samples": lambda: containers.tiff([*grey(8, 8)[:-1], (SAMPLES, 3, 1, 65_535), (OFFSETS, 4, 1, 8)]),
    "tiff: zero rows a strip": lambda: tiff_strip(16, 16, containers.zeros(256), rows=None).replace(
        struct.pack("<HHII", ROWS, 4, 1, 16), struct.pack("<HHII", ROWS, 4, 1, 0)
    ),
    "tiff: no pixels": lambda: containers.tiff(grey(8, 8)),
    "tiff: no directory": lambda: b"II*\0\xff\xff\xff\xff",
    "tiff: BigTIFF with 2^40 tags": big_tiff,
}
