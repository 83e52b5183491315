"""Hostile files: decompression bombs, wrong headers, polyglots. Each is built on demand."""

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests import images
from tests.hostile import containers

FULL = 7_070  # 7,070² is just under the limit of 50 megapixels
MEGABYTES = 2**20
SAMPLE = Path(__file__).parents[2] / "samples" / "cat.jpg"

Build = Callable[[], bytes]


def small() -> Image.Image:
    with Image.open(SAMPLE) as cat:
        return cat.convert("RGB").resize((96, 64))


def encoded(format: str, **options: object) -> bytes:
    return images.encode(small(), format, **options)


def animation(format: str, frames: int, size: tuple[int, int] = (8, 8)) -> bytes:
    colors = [Image.new("RGB", size, (n % 256, n // 256 * 16 % 256, n * 7 % 256)) for n in range(frames)]
    return images.encode(colors[0], format, save_all=True, append_images=colors[1:], duration=20)


def array(values: np.ndarray, format: str, **options: object) -> bytes:
    return images.encode(Image.fromarray(values), format, **options)


# --- PNG --------------------------------------------------------------------------------------------------------------


def text_bomb(kind: bytes, inflated: int, times: int = 1) -> bytes:
    packed = containers.zeros(inflated)
    bodies = {b"zTXt": b"k%d\0\0", b"iTXt": b"k%d\0\1\0\0\0", b"iCCP": b"k%d\0\0"}
    chunks = b"".join(containers.png_chunk(kind, bodies[kind] % n + packed) for n in range(times))
    return containers.png(8, 8, containers.zeros(72), before=chunks)


def png_of_chunks(count: int) -> bytes:
    return containers.png(8, 8, containers.zeros(72), before=containers.png_chunk(b"abCd", b"") * count)


def exif_of_overlapping_tags(tags: int, length: int) -> bytes:
    """Return an EXIF block whose many tags all refer to the same large region."""
    at = containers.tiff_data(tags)
    return containers.tiff([(1000 + n, 7, length, at) for n in range(tags)], bytes(length))


def png_with_exif(exif: bytes) -> bytes:
    return containers.png(8, 8, containers.zeros(72), before=containers.png_chunk(b"eXIf", exif))


def zip_in_png() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.html", "<script>alert(1)</script>")
    return containers.png(8, 8, containers.zeros(72), before=containers.png_chunk(b"zxIp", archive.getvalue()))


def png_in_png(depth: int) -> bytes:
    data = containers.png(8, 8, containers.zeros(72))
    for _ in range(depth):
        data = containers.png(8, 8, containers.zeros(72), before=containers.png_chunk(b"piNg", data))
    return data


def wrong_crc(kind: bytes) -> bytes:
    data = encoded("PNG")
    at = data.index(kind)
    (length,) = struct.unpack(">I", data[at - 4 : at])
    end = at + 4 + length
    return data[:end] + b"\xde\xad\xbe\xef" + data[end + 4 :]


PNG: dict[str, Build] = {
    "png: 60,000²": images.bomb_png,
    "png: 2^31-1 by 1": lambda: containers.png(2**31 - 1, 1, containers.zeros(100)),
    "png: 2^32-1 squared": lambda: containers.png(2**32 - 1, 2**32 - 1, containers.zeros(100)),
    "png: 0 by 0": lambda: containers.png(0, 0, b""),
    "png: 50 megapixels RGBA": lambda: containers.png(FULL, FULL, containers.zeros(FULL * (4 * FULL + 1)), color=6),
    "png: 50 megapixels of 16 bits": lambda: containers.png(
        FULL, FULL, containers.zeros(FULL * (2 * FULL + 1)), bits=16
    ),
    "png: 50 megapixels RGBA of 16 bits": lambda: containers.png(
        FULL, FULL, containers.zeros(FULL * (8 * FULL + 1)), bits=16, color=6
    ),
    "png: one line of 49 megapixels": lambda: containers.png(49_000_000, 1, containers.zeros(49_000_001)),
    "png: one column of 49 megapixels": lambda: containers.png(1, 49_000_000, containers.zeros(98_000_000)),
    "png: a gigabyte behind the last row": lambda: containers.png(8, 8, containers.zeros(1000 * MEGABYTES)),
    "png: text of a gigabyte": partial(text_bomb, b"zTXt", 1000 * MEGABYTES),
    "png: international text of a gigabyte": partial(text_bomb, b"iTXt", 1000 * MEGABYTES),
    "png: profile of a gigabyte": partial(text_bomb, b"iCCP", 1000 * MEGABYTES),
    "png: 500 texts of a megabyte": partial(text_bomb, b"zTXt", MEGABYTES - 1, 500),
    "png: XMP of 19 MB": lambda: containers.png(
        8,
        8,
        containers.zeros(72),
        before=containers.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"<" * 19 * MEGABYTES),
    ),
    "png: 1,600,000 chunks": partial(png_of_chunks, 1_600_000),
    "png: a chunk that declares 4 GB": lambda: containers.png(
        8, 8, containers.zeros(72), before=b"\xff\xff\xff\xffabCd"
    ),
    "png: EXIF of overlapping tags": lambda: png_with_exif(exif_of_overlapping_tags(5000, MEGABYTES)),
    "png: EXIF that points at itself": lambda: png_with_exif(containers.tiff([(0x8769, 4, 1, 8), (0x0112, 3, 1, 6)])),
    "png: a zip in a chunk": zip_in_png,
    "png: a zip behind the end": lambda: encoded("PNG") + b"PK\x05\x06" + bytes(18),
    "png: 200 PNGs in one another": partial(png_in_png, 200),
    "png: no pixels": lambda: (
        containers.PNG + containers.png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    ),
    "png: wrong CRC of the header": partial(wrong_crc, b"IHDR"),
    "png: wrong CRC of the pixels": partial(wrong_crc, b"IDAT"),
    "png: a palette of 60,000 bytes": lambda: containers.png(
        8, 8, containers.zeros(72), color=3, before=containers.png_chunk(b"PLTE", bytes(60_000))
    ),
    "png: no palette": lambda: containers.png(8, 8, containers.zeros(72), color=3),
    "png: 7 bits, colour 5": lambda: containers.png(8, 8, containers.zeros(72), bits=7, color=5),
    "png: animation of 3,000 frames": partial(animation, "PNG", 3000),
}

# --- JPEG -------------------------------------------------------------------------------------------------------------


def jpeg_size(width: int, height: int) -> bytes:
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def jpeg_exif(exif: bytes) -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xE1, b"Exif\0\0" + exif), encoded("JPEG"))


def jpeg_of_exif_parts(count: int) -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xE1, b"Exif\0\0\0") * count, encoded("JPEG"))


def jpeg_icc(parts: int, length: int) -> bytes:
    segments = [
        containers.jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([n, parts]) + bytes(length)) for n in range(1, parts + 1)
    ]
    return containers.jpeg_with(b"".join(segments), encoded("JPEG"))


def polyglot_pdf_jpeg() -> bytes:
    return containers.jpeg_with(
        containers.jpeg_segment(0xFE, b"%PDF-1.7\n1 0 obj <</JS (app.alert(1))>> endobj"), encoded("JPEG")
    )


def polyglot_html_jpeg() -> bytes:
    return containers.jpeg_with(containers.jpeg_segment(0xFE, b"<html><script>alert(1)</script>"), encoded("JPEG"))


JPEG: dict[str, Build] = {
    "jpeg: 65,535²": partial(jpeg_size, 65_535, 65_535),
    "jpeg: declares 6,000², has 96 by 64": partial(jpeg_size, 6_000, 6_000),
    "jpeg: height 0": partial(jpeg_size, 96, 0),
    "jpeg: 50 scans of 50 megapixels": partial(containers.jpeg_of_scans, FULL, FULL, 50),
    "jpeg: 20,000 scans of 50 megapixels": partial(containers.jpeg_of_scans, FULL, FULL, 20_000),
    "jpeg: 20,000 scans of 64 pixels": partial(containers.jpeg_of_scans, 8, 8, 20_000),
    "jpeg: 5,000,000 empty segments": lambda: containers.jpeg_with(
        containers.jpeg_segment(0xE5, b"") * 4_900_000, encoded("JPEG")
    ),
    "jpeg: 1,700,000 parts of EXIF": partial(jpeg_of_exif_parts, 1_700_000),
    "jpeg: EXIF of overlapping tags": lambda: jpeg_exif(exif_of_overlapping_tags(4000, 15_000)),
    "jpeg: EXIF that points at itself": lambda: jpeg_exif(containers.tiff([(0x8769, 4, 1, 8), (0x0112, 3, 1, 6)])),
    "jpeg: EXIF of random bytes": lambda: jpeg_exif(bytes(range(256)) * 200),
    "jpeg: orientation 99": lambda: jpeg_exif(containers.tiff([(0x0112, 3, 1, 99)])),
    "jpeg: ICC profile of 16 MB": partial(jpeg_icc, 255, 65_000),
    "jpeg: XMP of 18 MB": lambda: containers.jpeg_with(
        containers.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 65_000) * 280, encoded("JPEG")
    ),
    "jpeg: and a PDF": polyglot_pdf_jpeg,
    "jpeg: and a page": polyglot_html_jpeg,
    "jpeg: and a zip": lambda: encoded("JPEG") + b"PK\x05\x06" + bytes(18),
    "jpeg: and 19 MB of 0xFFDA": lambda: encoded("JPEG") + b"\xff\xda" * (19 * MEGABYTES // 2),
    "jpeg: 12 bits": lambda: encoded("JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"),
    "jpeg: arithmetic": lambda: encoded("JPEG").replace(b"\xff\xc0", b"\xff\xc9"),
    "jpeg: lossless": lambda: encoded("JPEG").replace(b"\xff\xc0", b"\xff\xc3"),
    "jpeg: no tables": lambda: encoded("JPEG").replace(b"\xff\xc4", b"\xff\xe4"),
    "jpeg: nothing but 0xFF": lambda: b"\xff\xd8\xff" + b"\xff" * 10 * MEGABYTES,
    "mpo: one image that declares 1,000": lambda: images.encode(
        small(), "MPO", save_all=True, append_images=[small()]
    ).replace(b"\x01\xb0\x04\x00\x01\x00\x00\x00\x02", b"\x01\xb0\x04\x00\x01\x00\x00\x00\xff"),
}

# --- GIF, BMP, WebP ---------------------------------------------------------------------------------------------------


def gif_of_frames(count: int) -> bytes:
    return containers.gif(8, 8, containers.gif_frame(8, 8) * count)


def rle(width: int, height: int, ops: bytes, *, bits: int = 8) -> bytes:
    return containers.bmp(width, height, ops, bits=bits, compression=1 if bits == 8 else 2, colors=2**bits)


OTHERS: dict[str, Build] = {
    "gif: 10,000 frames": partial(gif_of_frames, 10_000),
    "gif: 500,000 frames": partial(gif_of_frames, 500_000),
    "gif: screen of 65,535²": lambda: containers.gif(65_535, 65_535, containers.gif_frame(8, 8)),
    "gif: frame of 65,535² on a screen of 8²": lambda: containers.gif(8, 8, containers.gif_frame(65_535, 65_535)),
    "gif: frame outside of the screen": lambda: containers.gif(
        8, 8, containers.gif_frame(8, 8, left=60_000, top=60_000)
    ),
    "gif: a comment of 19 MB": lambda: containers.gif(
        8, 8, b"!\xfe" + (b"\xff" + b"c" * 255) * 78_000 + b"\0" + containers.gif_frame(8, 8)
    ),
    "gif: 4,000,000 comments": lambda: containers.gif(8, 8, b"!\xfe\x01c\0" * 4_000_000 + containers.gif_frame(8, 8)),
    "gif: 6,000,000 extensions": lambda: containers.gif(8, 8, b"!\xf0\0" * 6_000_000 + containers.gif_frame(8, 8)),
    "gif: no frame": lambda: containers.gif(8, 8, b""),
    "gif: LZW of 0 bits": lambda: containers.gif(8, 8, containers.gif_frame(8, 8, lzw=b"\0\x02\x44\x01\0")),
    "gif: LZW of 200 bits": lambda: containers.gif(8, 8, containers.gif_frame(8, 8, lzw=b"\xc8\x02\x44\x01\0")),
    "gif: and a script": lambda: b"GIF89a/*" + b"*/=alert(1)//" + gif_of_frames(1)[6:],
    "gif: 50 megapixels": lambda: images.encode(Image.new("P", (FULL, FULL)), "GIF"),
    "bmp: 2^31-1 squared": lambda: containers.bmp(2**31 - 1, 2**31 - 1, b""),
    "bmp: upside down": lambda: containers.bmp(8, -8, bytes(64)),
    "bmp: width -8": lambda: containers.bmp(-8, 8, bytes(64)),
    "bmp: 50 megapixels of nothing": lambda: containers.bmp(FULL, FULL, b""),
    "bmp: RLE of 9,000,000 runs": lambda: rle(FULL, FULL, b"\x01\x07" * 9_000_000),
    "bmp: RLE of 4 bits, full runs": lambda: rle(FULL, FULL, b"\xff\x07" * 200_000, bits=4),
    "bmp: RLE of empty lines": lambda: rle(FULL, FULL, b"\x01\x07\x00\x00" * FULL),
    "bmp: RLE with large deltas": lambda: rle(FULL, FULL, b"\x00\x02\xff\xff" * 300),
    "bmp: a palette of 2^32-1 colours": lambda: containers.bmp(8, 8, bytes(64)).replace(
        struct.pack("<I", 256), b"\xff\xff\xff\xff", 1
    ),
    "bmp: 33 bits": lambda: containers.bmp(8, 8, bytes(64), bits=33),
    "bmp: a PNG inside": lambda: containers.bmp(8, 8, encoded("PNG"), bits=0, compression=5),
    "webp: canvas of 16,383²": lambda: containers.riff(
        [(b"VP8X", b"\x02\0\0\0" + b"\xfe\x3f\0" * 2), (b"ANIM", bytes(6)), (b"ANMF", bytes(24))]
    ),
    "webp: canvas of 2^24 squared": lambda: containers.riff([(b"VP8X", b"\0\0\0\0" + b"\xff\xff\xff" * 2)]),
    "webp: animation of 1,000 frames": partial(animation, "WEBP", 1000),
    "webp: size of 4 GB": lambda: encoded("WEBP")[:4] + b"\xff\xff\xff\xff" + encoded("WEBP")[8:],
    "webp: EXIF of overlapping tags": lambda: encoded("WEBP", exif=b"Exif\0\0" + exif_of_overlapping_tags(4000, 10**6)),
    "webp: a profile of 19 MB": lambda: encoded("WEBP", icc_profile=bytes(19 * MEGABYTES)),
    "webp: 2,000,000 chunks": lambda: containers.riff([(b"ABCD", b"")] * 2_000_000),
    "webp: 50 megapixels": lambda: images.encode(Image.new("RGB", (FULL, FULL), "teal"), "WEBP", method=0, quality=1),
    "webp: a WAV": lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
}

# --- TIFF -------------------------------------------------------------------------------------------------------------

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

# --- AVIF and HEIC ----------------------------------------------------------------------------------------------------


def sized(data: bytes, width: int, height: int) -> bytes:
    """Change all sizes in the properties of an AVIF or HEIC file."""
    at = -1
    changed = bytearray(data)
    while (at := data.find(b"ispe", at + 1)) >= 0:
        changed[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(changed)


def heic() -> bytes:
    from tests.workers.imaging.test_decoding import HEIC

    return HEIC


def avif_exif() -> bytes:
    return encoded("AVIF", exif=exif_of_overlapping_tags(4000, MEGABYTES))


def nested_boxes(brand: bytes, depth: int) -> bytes:
    return containers.box(b"ftyp", brand + bytes(4) + brand + b"mif1") + containers.nested(b"meta", depth)


def iso(make: Build, brand: bytes) -> dict[str, Build]:
    return {
        "declares 65,535²": lambda: sized(make(), 65_535, 65_535),
        "declares 7,000²": lambda: sized(make(), 7_000, 7_000),
        "declares 0 by 0": lambda: sized(make(), 0, 0),
        "100,000 boxes in one another": partial(nested_boxes, brand, 100_000),
        "nothing behind its name": lambda: containers.box(b"ftyp", brand + bytes(4) + brand),
        "a box of 2^32-1": lambda: make()[:28] + b"\xff\xff\xff\xff" + make()[32:],
        "a box of size 0": lambda: make()[:28] + bytes(4) + make()[32:],
        "a million free boxes": lambda: make() + containers.box(b"free", b"") * 1_000_000,
    }


ISO: dict[str, Build] = {
    **{f"avif: {title}": build for title, build in iso(partial(encoded, "AVIF"), b"avif").items()},
    **{f"heic: {title}": build for title, build in iso(heic, b"heic").items()},
    "avif: animation of 200 frames": partial(animation, "AVIF", 200, (64, 64)),
    "avif: EXIF of overlapping tags": avif_exif,
    "avif: 50 megapixels": lambda: images.encode(Image.new("RGB", (FULL, FULL)), "AVIF", speed=10),
}

# --- Not images -------------------------------------------------------------------------------------------------------

ENTITIES = b'<!DOCTYPE s [<!ENTITY a "' + b"a" * 100 + b'"><!ENTITY b "' + b"&a;" * 1000 + b'">]>'
NOT_IMAGES: dict[str, Build] = {
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "svg: a bomb of entities": lambda: b'<?xml version="1.0"?>' + ENTITIES + b"<svg>&b;</svg>",
    "pdf": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500),
    "page": lambda: b"<!doctype html><img src=x onerror=alert(1)>",
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(%pipe%id) (w) file\n",
    "zip": lambda: zip_in_png()[60:],
    "gzip": lambda: zlib.compress(bytes(MEGABYTES), 9),
    "a program": lambda: b"\x7fELF\x02\x01\x01" + bytes(1000),
    "mp4": lambda: containers.box(b"ftyp", b"isom\0\0\2\0isomiso2mp41") + containers.box(b"mdat", bytes(1000)),
    "tga": lambda: encoded("TGA"),
    "ico": lambda: encoded("ICO"),
    "ppm": lambda: encoded("PPM"),
    "jpeg 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "photoshop": lambda: b"8BPS\0\1" + bytes(100),
    "nothing": lambda: b"",
    "one byte": lambda: b"\x89",
    "19 MB of zeros": lambda: bytes(19 * MEGABYTES),
}
MAGIC = {
    "JPEG": b"\xff\xd8\xff", "PNG": containers.PNG, "GIF": b"GIF89a", "BMP": b"BM", "TIFF": b"II*\0",
    "WebP": b"RIFF\0\0\0\0WEBP", "AVIF": b"\0\0\0\x1cftypavif", "HEIC": b"\0\0\0\x1cftypheic",
}  # fmt: skip
MAGIC_BYTES: dict[str, Build] = {
    f"{name}: {title}": lambda data=data: data  # type: ignore[misc]
    for name, magic in MAGIC.items()
    for title, data in {
        "only its magic": magic,
        "its magic and zeros": magic + bytes(4096),
        "its magic and 0xFF": magic + b"\xff" * 4096,
        "its magic and a page": magic + b"<html><script>alert(1)</script>" * 50,
    }.items()
}

CASES: dict[str, Build] = {**PNG, **JPEG, **OTHERS, **TIFF, **ISO, **NOT_IMAGES, **MAGIC_BYTES}

# Seconds to build or to decode, or hundreds of megabytes: in the benchmark only.
_HEAVY = (
    "50 megapixels", "49 megapixels", "7,000²", "20,000²", "46,336", "scans", "frames", "million", "000,000", "700,000",
    "600,000", "500,000", "500 texts", "MB", "gigabyte", "overlapping", "RLE", "0xFF",
)  # fmt: skip
_LIGHT = {
    "png: one column of 49 megapixels", "png: text of a gigabyte", "gif: 10,000 frames",
    "tiff: a tile of 46,336² of nothing",
}  # fmt: skip
HEAVY = {name for name in CASES if any(word in name for word in _HEAVY)} - _LIGHT
