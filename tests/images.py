"""Generated images for tests."""

import io
import struct
import zlib
from typing import Any

from PIL import Image


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(color: str = "#4060a0", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    return encode(Image.new("RGB", size, color), "JPEG", **options)


def rotated_jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a JPEG with EXIF orientation 6: to be rotated by 90°."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(size=size, exif=exif)


def noisy_jpeg(size: tuple[int, int] = (320, 240)) -> bytes:
    return encode(Image.effect_noise(size, 80).convert("RGB"), "JPEG", quality=90)


def bomb_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """Return a decompression bomb: a small file that declares a huge size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated_gif() -> bytes:
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green", "blue")]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
