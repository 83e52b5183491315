"""Valid images of every format, and random mutations of them (fuzzing). The same seed makes the same files."""

import random
import struct
from collections.abc import Callable, Iterator
from functools import cache

from PIL import Image

from tests import images
from tests.hostile import containers
from tests.hostile.corpus import Build
from tests.hostile.corpus.avif_heic import heic
from tests.hostile.corpus.base import animation, small
from tests.hostile.corpus.gif_bmp_webp import rle
from tests.hostile.corpus.tiff import tiff_of_strips

PER_IMAGE = 110  # mutations
_WORDS = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\1",
    b"\1\0\0\0",
    b"\xff\xff\0\0",
]

Change = Callable[[random.Random, bytearray], None]


@cache
def valid_images() -> dict[str, bytes]:
    cat = small()
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "maker", 0x9286: bytes(8) + b"\1\2\3" * 44})
    animated = {format: animation(format, 4, (24, 16)) for format in ("PNG", "GIF", "WEBP", "AVIF")}
    return {
        "jpeg": images.encode(cat, "JPEG", exif=exif, icc_profile=bytes(500), comment=b"c" * 40),
        "jpeg progressive": images.encode(cat, "JPEG", progressive=True, restart_marker_blocks=4),
        "jpeg cmyk": images.encode(cat.convert("CMYK"), "JPEG"),
        "mpo": images.encode(cat, "MPO", save_all=True, append_images=[cat]),
        "png": images.encode(cat, "PNG", exif=exif, dpi=(72, 72)),
        "png of a palette": images.encode(cat.quantize(16), "PNG", transparency=0),
        "png of 16 bits": images.encode(Image.new("I;16", (40, 30), 40_000), "PNG"),
        "webp": images.encode(cat, "WEBP", exif=exif, icc_profile=bytes(500)),
        "webp lossless": images.encode(cat.convert("RGBA"), "WEBP", lossless=True),
        "gif": images.encode(cat, "GIF", comment=b"c" * 300),
        "bmp": images.encode(cat, "BMP"),
        "bmp rle": rle(64, 48, b"\x20\x07\x20\x09\0\0" * 47 + b"\0\x04abcd" + b"\x3c\3\0\1"),
        "tiff": images.encode(cat, "TIFF", exif=exif),
        "tiff lzw": images.encode(cat, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": images.encode(cat, "TIFF", compression="jpeg"),
        "tiff strips": tiff_of_strips(40),
        "avif": images.encode(cat, "AVIF", exif=exif),
        "heic": heic(),
        **{f"{format.lower()} animated": data for format, data in animated.items()},
    }


def mutated(each: int = PER_IMAGE, seed: int = 20) -> Iterator[tuple[str, Build]]:
    """Yield `each` mutations of every valid image."""
    for name in valid_images():
        for number in range(each):
            yield f"{name} #{seed}.{number}", lambda name=name, number=number: mutation(name, number, seed)  # type: ignore[misc]


def mutation(name: str, number: int, seed: int) -> bytes:
    rng = random.Random(f"{seed} {name} {number}")
    data = bytearray(valid_images()[name])
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        rng.choice(_CHANGES)(rng, data)
    return bytes(data)


def _flip(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice([1, 2, 8, 40])):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _truncate(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _splice(rng: random.Random, data: bytearray) -> None:
    """Join the beginning of this file and the end of another."""
    other = valid_images()[rng.choice(sorted(valid_images()))]
    data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other)) :]


def _repeat(rng: random.Random, data: bytearray) -> None:
    """Repeat a piece."""
    start, end = _piece(rng, data)
    data[end:end] = data[start:end] * rng.choice([1, 2, 50])


def _remove(rng: random.Random, data: bytearray) -> None:
    start, end = _piece(rng, data)
    del data[start:end]


def _overwrite(rng: random.Random, data: bytearray) -> None:
    """Write an extreme number, mostly in the header, where the sizes are."""
    at = rng.randrange(min(len(data), rng.choice([64, 400, 10**9])) + 1)
    word = rng.choice(_WORDS)[: rng.choice([1, 2, 4])]
    data[at : at + len(word)] = word


def _piece(rng: random.Random, data: bytearray) -> tuple[int, int]:
    if data.startswith(containers.PNG) and (chunks := list(_png_chunks(data))):
        return rng.choice(chunks)
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice([1, 4, 12, 64, 512]))


def _png_chunks(data: bytearray) -> Iterator[tuple[int, int]]:
    at = len(containers.PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield at, min(len(data), at + 12 + length)
        at += 12 + length


_CHANGES: list[Change] = [_flip, _flip, _truncate, _splice, _repeat, _remove, _overwrite, _overwrite]
