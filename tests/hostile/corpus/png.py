import io
import struct
import zipfile
from functools import partial

from tests import images
from tests.hostile import containers
from tests.hostile.corpus.base import FULL, MEGABYTES, Build, animation, encoded, exif_of_overlapping_tags


def text_bomb(kind: bytes, inflated: int, times: int = 1) -> bytes:
    packed = containers.zeros(inflated)
    bodies = {b"zTXt": b"k%d\0\0", b"iTXt": b"k%d\0\1\0\0\0", b"iCCP": b"k%d\0\0"}
    chunks = b"".join(containers.png_chunk(kind, bodies[kind] % n + packed) for n in range(times))
    return containers.png(8, 8, containers.zeros(72), before=chunks)


def png_of_chunks(count: int) -> bytes:
    return containers.png(8, 8, containers.zeros(72), before=containers.png_chunk(b"abCd", b"") * count)


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
    "png: 2,300 profiles of 8 MB": partial(text_bomb, b"iCCP", 8 * MEGABYTES, 2_300),
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
