import base64
import contextlib
import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from decoding import Damaged, Limits, TooLarge, Undecodable, Unsupported
from tests.workers.images import encoded, left_red_right_blue
from workers.imaging.decoding import DecodedImage, decode

LIMIT = 50_000_000
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def read(data: bytes, max_side: int = 768) -> DecodedImage:
    return decode(data, limits=Limits(pixels=LIMIT), max_side=max_side)


def near(pixel: NDArray[np.uint8], color: tuple[int, int, int], by: int = 12) -> bool:
    return bool(abs(pixel.astype(int) - color).max() <= by)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "MPO"])
def test_every_supported_format_is_decoded(file_format: str) -> None:
    decoded = read(encoded(left_red_right_blue(), file_format))
    assert decoded.pixels.shape == (32, 64, 3)
    assert decoded.pixels.dtype == np.uint8
    assert (decoded.width, decoded.height) == (64, 32)
    assert near(decoded.pixels[16, 8], RED, 20)
    assert near(decoded.pixels[16, 56], BLUE, 20)


# left_red_right_blue(), encoded by libheif with x265: pi_heif cannot write HEIC.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABoQABAAAAAAAAAGoAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAA"
    "AADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkA"
    "AAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA"
    "AAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAH"
    "JtZGF0AAAAZigBrxOA+BDhp//8TSj/+nXPD9PMiYn/+tNSR/hUO//WicPySkWzrHl9nv8H4h1KpEq3xpK+HfM2sf+d4tvFAhneIy6JZXLEP+zl"
    "xMa+qdw77mN6fapRbf83mqG4xuGn3Gx6O58SuA=="
)


def test_heic_is_decoded() -> None:
    decoded = read(HEIC)
    assert decoded.pixels.shape == (32, 64, 3)
    assert near(decoded.pixels[16, 8], RED, 20)
    assert near(decoded.pixels[16, 56], BLUE, 20)
    with pytest.raises(Damaged):
        read(HEIC[:300])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_applied(orientation: int, file_format: str) -> None:
    upright = left_red_right_blue()
    stored = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    image = upright
    for transpose in stored:
        image = image.transpose(transpose)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = read(encoded(image, file_format, exif=exif))
    assert decoded.pixels.shape == (32, 64, 3)
    assert (decoded.width, decoded.height) == (64, 32)
    assert near(decoded.pixels[16, 8], RED, 20)
    assert near(decoded.pixels[16, 56], BLUE, 20)


def test_large_image_is_downscaled_and_keeps_its_aspect_ratio_and_original_size() -> None:
    decoded = read(encoded(left_red_right_blue(1600, 1000), "JPEG"), max_side=400)
    assert decoded.pixels.shape == (250, 400, 3)
    assert (decoded.width, decoded.height) == (1600, 1000)
    assert near(decoded.pixels[100, 100], RED)


def test_jpeg_is_decoded_at_reduced_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    load = JpegImageFile.load

    def load_and_record_size(self: JpegImageFile) -> object:
        sizes.append(self.size)
        return load(self)

    monkeypatch.setattr(JpegImageFile, "load", load_and_record_size)
    read(encoded(left_red_right_blue(1600, 800), "JPEG"), max_side=200)
    assert sizes[0] == (200, 100)


def test_small_image_is_not_upscaled() -> None:
    assert read(encoded(left_red_right_blue(10, 6), "PNG")).pixels.shape == (6, 10, 3)


def test_downscaled_line_keeps_one_pixel() -> None:
    assert read(encoded(Image.new("RGB", (5000, 1)), "PNG"), max_side=100).pixels.shape == (1, 100, 3)


def test_transparency_is_composited_on_white() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert near(read(encoded(image, "PNG")).pixels[4, 4], WHITE, 0)
    half = Image.new("LA", (8, 8), (0, 128))
    assert near(read(encoded(half, "PNG")).pixels[4, 4], (127, 127, 127), 1)


def test_transparent_palette_color_is_composited_on_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (4, 0, 8, 8))
    pixels = read(encoded(image, "PNG", transparency=0)).pixels
    assert near(pixels[4, 1], WHITE, 0)
    assert near(pixels[4, 6], BLUE, 0)


def test_palette_without_transparency_keeps_its_colors() -> None:
    pixels = read(encoded(left_red_right_blue().quantize(4), "PNG")).pixels
    assert near(pixels[4, 1], RED, 2)


def test_grey_and_one_bit_images_become_rgb() -> None:
    assert near(read(encoded(Image.new("L", (8, 8), 77), "PNG")).pixels[0, 0], (77, 77, 77), 0)
    assert near(read(encoded(Image.new("1", (8, 8), 1), "PNG")).pixels[0, 0], WHITE, 0)


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(file_format: str) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert near(read(encoded(image, file_format)).pixels[8, 8], RED, 6)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(file_format: str) -> None:
    values = np.full((8, 8), 32896, dtype=np.uint16)
    assert near(read(encoded(Image.fromarray(values), file_format)).pixels[4, 4], (128, 128, 128), 0)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_a_float_tiff_is_scaled_by_its_range(top: float) -> None:
    values = np.linspace(0, top, 64, dtype=np.float32).reshape(8, 8)
    pixels = read(encoded(Image.fromarray(values), "TIFF")).pixels
    assert pixels[0, 0, 0] == 0
    assert pixels[7, 7, 0] == 255
    assert abs(int(pixels[3, 7, 0]) - 126) <= 1


def test_unusual_float_and_integer_ranges_are_stretched() -> None:
    values = np.linspace(-5, 5, 64, dtype=np.float32).reshape(8, 8)
    values[0, 1] = np.nan
    assert read(encoded(Image.fromarray(values), "TIFF")).pixels[7, 7, 0] == 255
    flat = np.full((8, 8), -3, dtype=np.int32)
    assert read(encoded(Image.fromarray(flat), "TIFF")).pixels.max() == 0


def test_first_frame_of_an_animation_is_decoded() -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue", "lime")]
    for file_format in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=50)
        assert near(read(data).pixels[8, 8], RED, 20), file_format


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_truncated_file_is_unreadable(file_format: str) -> None:
    data = encoded(left_red_right_blue(600, 400).effect_spread(40), file_format)
    for kept in (len(data) // 2, 40):
        with pytest.raises(Damaged) as caught:
            read(data[:kept])
        assert caught.value.code == "unreadable_image"
        assert caught.value.__cause__ is not None


@pytest.mark.parametrize("data", [b"", b"hello, I am photo.jpg\n" * 50, b"%PDF-1.7 ...", b"<svg/>", bytes(500)])
def test_non_image_is_unsupported(data: bytes) -> None:
    with pytest.raises(Unsupported) as caught:
        read(data)
    assert caught.value.code == "unsupported_image"


def test_format_off_the_list_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        read(encoded(left_red_right_blue(), "PPM"))


def png_of(width: int, height: int) -> bytes:
    """Return a valid black PNG of a few kB, whatever its dimensions."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    row = b"\0" + bytes(width // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(20)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_decompression_bomb_is_rejected_by_its_header_without_a_warning() -> None:
    data = png_of(60_000, 60_000)
    assert len(data) < 5_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TooLarge) as caught:
            read(data)
    assert (caught.value.limit, caught.value.actual) == (LIMIT, 3_600_000_000)
    assert caught.value.code == "payload_too_large"


def test_limit_counts_the_pixels_before_downscaling() -> None:
    data = encoded(left_red_right_blue(100, 100), "JPEG")
    assert decode(data, limits=Limits(pixels=10_000), max_side=10).pixels.shape == (10, 10, 3)
    with pytest.raises(TooLarge):
        decode(data, limits=Limits(pixels=9_999), max_side=10)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_damaged_file_gives_an_image_or_an_image_error(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if file_format in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"} else {}
    good = encoded(left_red_right_blue(), file_format, **options)
    dice = random.Random(file_format)
    for _ in range(60):
        data = bytearray(good)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(Undecodable):
            assert decode(bytes(data), limits=Limits(pixels=1_000_000)).pixels.ndim == 3


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_is_ignored() -> None:
    data = encoded(left_red_right_blue(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert near(read(data).pixels[16, 8], RED)


def test_pixels_are_owned_and_writeable() -> None:
    data = io.BytesIO(encoded(left_red_right_blue(), "TIFF")).getvalue()
    pixels = read(data).pixels
    assert pixels.flags.owndata
    assert pixels.flags.writeable
