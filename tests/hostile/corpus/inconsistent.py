"""Files whose parts contradict each other: a field of one is patched, or a part is there twice or missing."""

import struct
import zlib
from functools import partial

import numpy as np
from PIL import ImageCms

from tests.hostile import containers
from tests.hostile.corpus.base import Build, array, encoded

_ROWS = zlib.compress(b"".join(b"\0" + bytes(range(96)) for _ in range(64)))
_TIFF = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 8, 279: 64}


def jpeg_of(*segments: bytes) -> bytes:
    return containers.jpeg_with(b"".join(segments), encoded("JPEG"))


def jpeg_patched(marker: bytes, offset: int, value: bytes) -> bytes:
    data = encoded("JPEG")
    at = data.index(marker) + offset
    return data[:at] + value + data[at + len(value) :]


def png(*chunks: tuple[bytes, bytes], rows: bytes = _ROWS, bits: int = 8, color: int = 0) -> bytes:
    before = b"".join(containers.png_chunk(*chunk) for chunk in chunks)
    return containers.png(96, 64, rows, bits=bits, color=color, before=before)


def with_profile(format: str, offset: int, value: bytes) -> bytes:
    """Return an image whose sRGB profile says something else at the offset."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(format, icc_profile=profile[:offset] + value + profile[offset + len(value) :])


def tiff(**fields: int) -> bytes:
    """Return a grey TIFF of 8 by 8; `t262=0` sets the field 262."""
    values = {**_TIFF, **{int(name[1:]): value for name, value in fields.items()}}
    values[273] = values[273] or containers.tiff_data(len(values))
    return containers.tiff([(tag, 4, 1, values[tag]) for tag in sorted(values)], b"\xff" * 64)


def webp_on_a_larger_canvas() -> bytes:
    image = encoded("WEBP", lossless=True)
    canvas = containers.riff([(b"VP8X", bytes(4) + b"\xff\x03\0\xff\x03\0")])
    return canvas[:4] + struct.pack("<I", len(canvas) - 8 + len(image) - 12) + canvas[8:] + image[12:]


def avif_of_size(width: int, height: int) -> bytes:
    size = b"ispe" + bytes(4)
    return encoded("AVIF").replace(size + struct.pack(">II", 96, 64), size + struct.pack(">II", width, height))


INCONSISTENT: dict[str, Build] = {
    "jpeg: Adobe's YCCK on three components": lambda: jpeg_of(
        containers.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\x02")
    ),
    "jpeg: Adobe's RGB on YCbCr": lambda: jpeg_of(containers.jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")),
    "jpeg: arithmetic coding of Huffman data": partial(jpeg_patched, b"\xff\xc0", 1, b"\xc9"),
    "jpeg: 12 bits of 8": partial(jpeg_patched, b"\xff\xc0", 4, b"\x0c"),
    "jpeg: height by DNL": partial(jpeg_patched, b"\xff\xc0", 5, b"\0\0"),
    "jpeg: 5,000 fill bytes": lambda: jpeg_of(b"\xff" * 5000),
    "jpeg: another one behind it": lambda: encoded("JPEG") * 2,
    "jpeg: part 2 of 3 of a profile": lambda: jpeg_of(containers.jpeg_segment(0xE2, b"ICC_PROFILE\0\2\3" + bytes(500))),
    "icc: CMYK on RGB": partial(with_profile, "PNG", 16, b"CMYK"),
    "icc: grey on RGB": partial(with_profile, "JPEG", 16, b"GRAY"),
    "icc: a device link": partial(with_profile, "WEBP", 12, b"link"),
    "icc: a tag table of ones": partial(with_profile, "TIFF", 200, b"\xff" * 200),
    "png: an index beyond the palette": lambda: png((b"PLTE", bytes(6)), color=3),
    "png: more transparency than palette": lambda: png((b"PLTE", bytes(6)), (b"tRNS", bytes(256)), color=3),
    "png: no palette": lambda: png(color=3),
    "png: 3 bits": lambda: png(bits=3),
    "png: a second header of 20,000²": lambda: png((b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0))),
    "png: gamma and primaries of 0": lambda: png((b"gAMA", bytes(4)), (b"cHRM", bytes(32))),
    "png: 100 of its bytes": lambda: png(rows=zlib.compress(bytes(100))),
    "png: 30 megabytes too many": lambda: png(rows=zlib.compress(bytes(97 * 64 + 30 * 2**20))),
    "tiff: white is zero": partial(tiff, t262=0),
    "tiff: 65,535 samples": partial(tiff, t277=65_535),
    "tiff: no rows in a strip": partial(tiff, t278=0),
    "tiff: a strip at 2 GB": partial(tiff, t273=2**31),
    "tiff: orientation 9": partial(tiff, t274=9),
    "tiff: JPEG of 1992": partial(tiff, t259=6),
    "tiff: JBIG": partial(tiff, t259=34_661),
    "tiff: no numbers": lambda: array(np.full((8, 8), np.nan, np.float32), "TIFF"),
    "tiff: infinities": lambda: array(np.array([[np.inf, -np.inf]] * 8, np.float32), "TIFF"),
    "webp: on a larger canvas": webp_on_a_larger_canvas,
    "webp: an animation of nothing": lambda: containers.riff(
        [(b"VP8X", b"\2\0\0\0" + b"\x1f\0\0\x1f\0\0"), (b"ANIM", bytes(6))]
    ),
    "avif: 60,000² of 96 by 64": partial(avif_of_size, 60_000, 60_000),
    "avif: 0 by 0 of 96 by 64": partial(avif_of_size, 0, 0),
}
