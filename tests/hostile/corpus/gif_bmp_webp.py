import struct
from functools import partial

from PIL import Image

from tests import images
from tests.hostile import containers
from tests.hostile.corpus.base import FULL, MEGABYTES, Build, animation, encoded, exif_of_overlapping_tags


def gif_of_frames(count: int) -> bytes:
    return containers.gif(8, 8, containers.gif_frame(8, 8) * count)


def rle(width: int, height: int, ops: bytes, *, bits: int = 8) -> bytes:
    return containers.bmp(width, height, ops, bits=bits, compression=1 if bits == 8 else 2, colors=2**bits)


GIF_BMP_WEBP: dict[str, Build] = {
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
    "gif: a comment of 6,000,000 parts": lambda: containers.gif(
        8, 8, b"!\xfe" + b"\x02cc" * 6_000_000 + b"\0" + containers.gif_frame(8, 8)
    ),
    "gif: no frame": lambda: containers.gif(8, 8, b""),
    "gif: LZW of 0 bits": lambda: containers.gif(8, 8, containers.gif_frame(8, 8, lzw=b"\0\x02\x44\x01\0")),
    "gif: LZW of 200 bits": lambda: containers.gif(8, 8, containers.gif_frame(8, 8, lzw=b"\xc8\x02\x44\x01\0")),
    "gif: and a script": lambda: b"GIF89a/*" + b"*/=alert(1)//" + gif_of_frames(1)[6:],
    "gif: 50 megapixels": lambda: images.encode(Image.new("P", (FULL, FULL)), "GIF"),
    "bmp: 2^31-1 squared": lambda: containers.bmp(2**31 - 1, 2**31 - 1, b""),
    "bmp: upside down": lambda: containers.bmp(8, -8, bytes(64)),
    "bmp: width -8": lambda: containers.bmp(-8, 8, bytes(64)),
    "bmp: width 0": lambda: containers.bmp(0, 8, bytes(64)),
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
