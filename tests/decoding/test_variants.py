"""Whole files of unusual variants are read, or unsupported: never damaged."""

import struct

import pytest

from decoding import FORMATS
from tests.decoding import files
from tests.decoding.files import RED, SIZE, encoded, lossless_jpeg, solid, tiff
from tests.decoding.readings import checked, decoded, read

PIXELS = SIZE[0] * SIZE[1]
UNSUPPORTED = "unsupported_image"


@pytest.mark.parametrize("size", [SIZE, (1600, 1200)])
@pytest.mark.parametrize("color", [RED, (128,)])
def test_lossless_jpeg_is_read_at_any_size(color: tuple[int, ...], size: tuple[int, int]) -> None:
    reading = read(lossless_jpeg(color, size))
    assert reading.size == size
    assert reading.shows(color if len(color) == 3 else color * 3, 4)


@pytest.mark.parametrize(("precision", "frame"), [(12, 0xC3), (16, 0xC3), (8, 0xC7), (8, 0xCB), (8, 0xF7), (12, 0xC1)])
def test_other_frames_and_precisions_of_jpeg_are_unsupported(precision: int, frame: int) -> None:
    assert read(lossless_jpeg((128,), precision=precision, frame=frame)).size == UNSUPPORTED


def test_jpeg_of_two_components_is_unsupported_and_a_cut_one_is_damaged() -> None:
    assert read(lossless_jpeg((128, 128))).size == UNSUPPORTED
    assert read(encoded(solid(), "JPEG")[:300]).size == "unreadable_image"


@pytest.mark.parametrize(
    "data",
    [
        tiff(2, [32] * 3, struct.pack("<3f", 0.9, 0.1, 0.1) * PIXELS, (339, 3, [3] * 3)),
        tiff(5, [8] * 5, bytes((0, 220, 220, 20, 255)) * PIXELS, (338, 3, [2])),
        tiff(5, [8] * 5, bytes((0, 220, 220, 20, 255)) * PIXELS, (338, 3, [1])),
        tiff(1, [64], struct.pack("<d", 0.5) * PIXELS, (339, 3, [3])),
        tiff(1, [16, 16], b"\0\x80\xff\xff" * PIXELS, (338, 3, [1])),
        tiff(2, [8] * 3, bytes(RED) * PIXELS, (259, 3, [34712])),
        tiff(2, [8] * 3, bytes(RED) * PIXELS, (259, 3, [50001])),
    ],
)
def test_sample_layouts_and_codecs_of_tiff_that_are_not_read_are_unsupported(data: bytes) -> None:
    assert read(data).size == UNSUPPORTED
    assert read(data[: len(data) // 2]).size == "unreadable_image"


def test_grey_with_premultiplied_alpha_is_read() -> None:
    assert read(tiff(1, [8, 8], b"\x80\xff" * PIXELS, (338, 3, [1]))).shows((128, 128, 128), 2)
    assert read(tiff(1, [8, 8], b"\x40\x80" * PIXELS, (338, 3, [1]))).size == SIZE
    large = (1000, 800)
    assert read(tiff(1, [8, 8], b"\x80\xff" * 800_000, (338, 3, [1]), size=large)).shows((128, 128, 128), 2)


def test_color_with_premultiplied_alpha_is_read() -> None:
    assert read(tiff(2, [8] * 4, bytes((*RED, 255)) * PIXELS, (338, 3, [1]))).shows(RED, 2)


def test_planes_of_sixteen_bits_are_read() -> None:
    planes = b"".join(struct.pack("<H", value * 257) * PIXELS for value in RED)
    step = 2 * PIXELS
    strips = [(273, 4, [0]), (279, 4, [step] * 3), (284, 3, [2])]
    data = bytearray(tiff(2, [16] * 3, planes, *strips))
    start = len(data) - len(planes)
    # The offsets of the three planes, in a list behind the file.
    offsets = struct.pack("<3I", *(start + step * plane for plane in range(3)))
    at = data.index(struct.pack("<HH", 273, 4))
    struct.pack_into("<HHII", data, at, 273, 4, 3, len(data))
    assert read(bytes(data) + offsets).shows(RED, 2)


def test_big_endian_signed_and_float_samples_are_read() -> None:
    signed = tiff(1, [16], struct.pack(">h", 16384) * PIXELS, (339, 3, [2]), order=">")
    assert read(signed).shows((64, 64, 64), 6)
    half = bytes((64, 192)) * (PIXELS // 2)
    assert read(tiff(1, [8], half, (339, 3, [2]))).shows((128, 128, 128), 2)
    image = decoded(tiff(1, [8], half, (339, 3, [2]))).pixels
    assert (image[5, 0] > 250).all()
    assert (image[5, 1] < 5).all()
    floats = tiff(1, [32], struct.pack(">f", 0.5) * PIXELS, (339, 3, [3]), order=">")
    assert read(floats).shows((128, 128, 128), 2)
    assert read(tiff(1, [32], struct.pack("<f", 0.5) * PIXELS, (339, 3, [3]))).shows((128, 128, 128), 2)


@pytest.mark.parametrize("scale", [1, 257])
def test_color_maps_of_eight_and_sixteen_bits_are_read(scale: int) -> None:
    colors = [channel * scale for band in RED for channel in [band, *[0] * 255]]
    assert read(tiff(3, [8], bytes(PIXELS), (320, 3, colors))).shows(RED, 2)


def test_unsupported_variants_of_bmp_and_png() -> None:
    bmp = bytearray(encoded(solid(), "BMP"))
    struct.pack_into("<I", bmp, 30, 4)  # JPEG inside
    assert read(bytes(bmp)).size == UNSUPPORTED
    png = encoded(solid(), "PNG")
    apple = png[:8] + files.png_chunk(b"CgBI", b"\x50\0\x20\x06") + png[8:-30] + png[-30:].replace(b"IDAT", b"IDAX")
    assert checked(apple[:-40]) == UNSUPPORTED


def test_primary_image_of_another_coding_is_unsupported() -> None:
    data = encoded(solid(), "AVIF").replace(b"av01Color", b"j2k1Color").replace(b"av01\0", b"j2k1\0")
    assert read(data).size == UNSUPPORTED


def test_mpo_is_its_first_image_and_dib_a_bmp() -> None:
    data = encoded(solid(), "MPO", save_all=True, append_images=[solid(files.BLUE)])
    assert read(data).size == SIZE
    assert decoded(data).frames == 1
    assert "MPO" not in FORMATS
