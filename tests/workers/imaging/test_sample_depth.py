"""Samples that fill a part of their container's range are stretched; honest dark images are not."""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from decoding import Limits
from tests.workers.images import encoded
from workers.imaging.decoding import DecodedImage, decode

LIMITS = Limits(pixels=50_000_000)
Samples = NDArray[np.uint16]


def read(data: bytes, max_side: int = 448) -> DecodedImage:
    return decode(data, limits=LIMITS, max_side=max_side)


def ramp(top: int, width: int = 96, height: int = 64) -> Samples:
    """A smooth image from 0 to `top`."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.rint((x + y) / 2 * top).astype(np.uint16)


def png(samples: Samples) -> bytes:
    """Encode (h, w, 2..4) with 16 bits per channel, which Pillow cannot write."""
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def rgb_tiff(samples: Samples, order: str) -> bytes:
    """Encode (h, w, 3) in one strip of 16 bits per channel in byte order `<` or `>`."""
    height, width, _ = samples.shape
    data = samples.astype(f"{order}u2").tobytes()
    bits = 8 + 2 + 12 * 9 + 4
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2),
               (273, 4, 1, bits + 6), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]  # fmt: skip
    codes = {(3, 1): "HHIHH", (3, 3): "HHII", (4, 1): "HHII"}
    table = b"".join(
        struct.pack(order + codes[kind, count], tag, kind, count, value, *([0] if (kind, count) == (3, 1) else []))
        for tag, kind, count, value in entries
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return head + table + bytes(4) + struct.pack(f"{order}3H", 16, 16, 16) + data


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_grey_is_stretched_from_the_bits_in_use(file_format: str, bits: int) -> None:
    pixels = read(encoded(Image.fromarray(ramp(2**bits - 1)), file_format)).pixels
    assert abs(pixels[..., 0].astype(int) - ramp(255)).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["RGB.png", "RGBA.png", "little-endian.tif", "big-endian.tif"])
def test_color_is_stretched_with_its_low_bytes(kind: str, bits: int) -> None:
    top = 2**bits - 1
    color = np.stack([ramp(top), ramp(top)[::-1], ramp(top)[:, ::-1]], axis=2)
    alpha = np.full((*color.shape[:2], 1), 65535, np.uint16)
    data = {
        "RGB.png": lambda: png(color),
        "RGBA.png": lambda: png(np.concatenate([color, alpha], axis=2)),
        "little-endian.tif": lambda: rgb_tiff(color, "<"),
        "big-endian.tif": lambda: rgb_tiff(color, ">"),
    }[kind]()
    pixels = read(data).pixels.astype(int)
    assert abs(pixels[..., 0] - ramp(255)).max() <= 1
    assert abs(pixels[..., 1] - ramp(255)[::-1]).max() <= 1


def test_alpha_of_twelve_bits_is_opaque_at_4095() -> None:
    top = 4095
    samples = np.stack([ramp(top), ramp(top), ramp(top), np.full((64, 96), top, np.uint16)], axis=2)
    assert abs(read(png(samples)).pixels[..., 0].astype(int) - ramp(255)).max() <= 1


def test_larger_decode_has_the_same_range() -> None:
    data = encoded(Image.fromarray(ramp(4095, 1600, 1200)), "PNG")
    assert read(data, 448).pixels.mean() == pytest.approx(read(data, 1280).pixels.mean(), abs=1)


def test_dark_image_with_a_highlight_stays_dark() -> None:
    samples = ramp(3000)
    samples[5, 5] = 60_000
    assert np.median(read(encoded(Image.fromarray(samples), "PNG")).pixels) < 12
    color = np.stack([samples] * 3, axis=2)
    assert np.median(read(png(color)).pixels) < 12


@pytest.mark.parametrize("top", [40, 200, 900, 2000])
def test_noise_of_a_covered_lens_stays_black(top: int) -> None:
    samples = np.random.default_rng(1).integers(0, top, (64, 96)).astype(np.uint16)
    for data in (encoded(Image.fromarray(samples), "PNG"), png(np.stack([samples] * 3, axis=2))):
        decoded = read(data)
        assert decoded.pixels.max() <= 12
        assert decoded.blank == "black"


def test_text_of_twelve_bits_is_no_noise() -> None:
    page = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(page).text((10, 10), "Fine print, in several words\n" * 4, fill=0)
    samples = (np.asarray(page, dtype=np.uint16) * 16).astype(np.uint16)
    pixels = read(encoded(Image.fromarray(samples), "TIFF")).pixels
    assert pixels.max() > 240
    assert pixels.min() < 10


def test_empty_image_stays_black() -> None:
    assert read(encoded(Image.fromarray(np.zeros((8, 8), np.uint16)), "PNG")).pixels.max() == 0
