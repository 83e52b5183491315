"""The time and memory that parts of a file take are bounded before any decoder reads them."""

import io
import struct
import zlib

import pytest

from decoding import Limits, opened
from decoding.containers import read_container, tiff
from decoding.errors import Damaged
from tests.decoding.files import BLUE, RED, SIZE, encoded, gif, jpeg_with, matrix_profile, png_with, solid
from tests.decoding.readings import read
from tests.hostile import containers
from tests.hostile.corpus import CASES

DAMAGED, UNSUPPORTED = "unreadable_image", "unsupported_image"
SEGMENT = containers.jpeg_segment(0xE5, b"")


def test_segments_of_jpeg_are_bounded() -> None:
    assert read(jpeg_with(SEGMENT * 1_000)).size == SIZE
    assert read(jpeg_with(SEGMENT * 100_001)).size == DAMAGED


def test_entries_of_overlapping_directories_are_bounded() -> None:
    few, many = (CASES[f"tiff: {count} overlapping directories"]() for count in ("10", "10,000"))

    assert read(few).size == (1, 1)
    with pytest.raises(Damaged):
        read_container(many)


def test_arrays_that_say_nothing_of_the_layout_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []

    def parse(data: bytes, layout: object, at: int) -> tuple[int, ...]:
        parsed.append(at)
        return ()

    monkeypatch.setattr(tiff, "_numbers", parse)
    data = containers.tiff([(1000 + tag, 3, 1, 0) for tag in range(100)] + [(65_000, 3, 1, 0)])

    assert not tiff.is_unsupported(data, is_open=False)
    assert parsed == []


def test_long_arrays_of_the_layout_are_not_parsed() -> None:
    count = 2**20 + 1
    data = containers.tiff([(273, 4, count, 22)], bytes(4 * count))

    assert tiff._numbers(data, tiff._layout(data), 10) == ()


def test_the_first_of_several_profiles_of_png_is_applied() -> None:
    first, second = (
        containers.png_chunk(b"iCCP", b"p\0\0" + zlib.compress(matrix_profile(order))) for order in ("bgr", "rgb")
    )
    data = encoded(solid(BLUE), "PNG")

    assert read(png_with(first, second, data=data)).shows(RED, 30)
    assert read(png_with(second, first, data=data)).shows(BLUE, 30)


@pytest.mark.parametrize("place", [(60_000, 0), (0, 60_000), (60_000, 60_000), (65_535, 5), (11, 11)])
def test_frame_of_gif_outside_its_screen_enlarges_no_canvas(place: tuple[int, int]) -> None:
    data = gif((10, 10), (*place, 4, 4, 1))

    with opened(io.BytesIO(data), Limits(pixels=10**6)) as image:
        assert max(image.file.size) <= 14
        assert image.size == (10, 10)
        assert image.load().image.getchannel("A").getextrema() == (0, 0)
    assert read(data).size == (10, 10)


@pytest.mark.parametrize("width", [-8, 0, -(2**31)])
def test_bmp_of_no_width_is_damaged(width: int) -> None:
    assert read(containers.bmp(width, 8, bytes(64))).size == DAMAGED


def test_cut_bmp_is_damaged_and_other_codings_are_unsupported() -> None:
    bmp = encoded(solid(), "BMP")

    assert read(bmp[:-3000]).size == DAMAGED
    assert read(bmp[:14] + struct.pack("<I", 12) + struct.pack("<HHHH", 0, 8, 1, 24)).size == DAMAGED
    for bits, compression in ((33, 0), (24, 4), (0, 5), (8, 9)):
        assert read(containers.bmp(8, 8, bytes(64), bits=bits, compression=compression)).size == UNSUPPORTED
    masks = struct.pack("<3I", 0x600, 0x1C0, 0x3F)
    odd_fields = containers.bmp(8, 8, masks + bytes(128), bits=16, compression=3, colors=0)
    assert read(odd_fields).size == UNSUPPORTED
    assert read(b"BM is how this text begins, and no header follows.").size == UNSUPPORTED
