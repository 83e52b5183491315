"""What viewers show: GIF frames on their screen, clean apertures, transforms of the container."""

import struct
import zlib

import pytest

from decoding.containers import isobmff
from tests.decoding import files
from tests.decoding.files import BLUE, GREEN, RED, SIZE, clean_aperture_avif, encoded, exif, gif, solid
from tests.decoding.readings import decoded, read

WHITE = (255, 255, 255)


@pytest.mark.parametrize("control", [b"", b"\x21\xf9\x04\x01\0\0\x00\0", b"\x21\xf9\x04\x08\0\0\0\0"])
def test_first_frame_smaller_than_its_screen_stands_on_a_transparent_one(control: bytes) -> None:
    image = decoded(gif(SIZE, (20, 15, 120, 90, 1), control=control))
    assert (image.width, image.height, image.frames) == (*SIZE, 1)
    assert tuple(image.pixels[2, 2]) == WHITE
    assert abs(image.pixels[60, 80].astype(int) - GREEN).max() < 6


def test_later_frames_of_a_smaller_first_one_are_counted_and_shown_on_the_same_screen() -> None:
    image = decoded(gif(SIZE, (20, 15, 20, 20, 1), (60, 40, 80, 60, 2)))
    assert (image.width, image.height, image.frames) == (*SIZE, 2)
    assert tuple(image.pixels[2, 2]) == WHITE
    assert tuple(image.pixels[2, 150]) == WHITE


def test_frame_beyond_its_screen_is_cut() -> None:
    image = decoded(gif(SIZE, (20, 15, 160, 120, 1)))
    assert (image.width, image.height) == SIZE
    assert tuple(image.pixels[2, 2]) == WHITE
    assert abs(image.pixels[110, 150].astype(int) - GREEN).max() < 6
    assert read(gif((40, 30), (0, 0, 60, 50, 1))).size == (40, 30)


def test_screen_of_no_size_is_that_of_its_frame() -> None:
    assert read(gif((0, 0), (0, 0, 40, 30, 1))).size == (40, 30)


def test_frame_far_beyond_its_screen_is_refused_before_it_is_decoded() -> None:
    data = bytearray(gif((10, 10), (5, 5, 4, 4, 1)))
    at = data.index(b",", 13 + 384)
    struct.pack_into("<4H", data, at + 1, 5, 5, 60_000, 60_000)
    assert read(bytes(data)).size == "payload_too_large"


@pytest.mark.parametrize(("left", "width", "color"), [(0, 80, RED), (80, 80, BLUE), (100, 40, BLUE), (10, 30, RED)])
def test_clean_aperture_is_what_is_shown(left: int, width: int, color: tuple[int, int, int]) -> None:
    reading = read(clean_aperture_avif(left, width))
    assert reading.size == (width, SIZE[1])
    assert reading.shows(color, 30)


@pytest.mark.parametrize("broken", [(0, 1), (80, 0), (400, 1)])
def test_clean_aperture_outside_the_image_is_ignored(broken: tuple[int, int]) -> None:
    data = bytearray(clean_aperture_avif(0, 80))
    struct.pack_into(">II", data, data.index(b"clap") + 4, *broken)
    assert read(bytes(data)).size == SIZE


def test_orientation_of_avif_is_that_of_its_container() -> None:
    turned = encoded(solid(), "AVIF", exif=exif(6))
    assert read(turned).size == SIZE[::-1]
    half = bytearray(turned)
    half[half.index(b"irot") + 4] = 2
    assert read(bytes(half)).size == SIZE
    # A tag that the encoder leaves alone, made the orientation afterwards.
    other = exif(6).replace(b"\x12\x01", b"\x13\x01")
    upright = encoded(solid(), "AVIF", exif=other)
    assert other in upright
    assert read(upright.replace(other, exif(6))).size == SIZE


def test_broken_boxes_have_no_clean_aperture() -> None:
    good = clean_aperture_avif(0, 80)
    for at in range(0, 330, 3):
        data = bytearray(good)
        data[at] ^= 0xFF
        crop = isobmff.read(bytes(data)).crop
        assert crop is None or (0 <= crop[0] < crop[2] and 0 <= crop[1] < crop[3])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_where_the_container_has_none(orientation: int) -> None:
    size = SIZE if orientation < 5 else SIZE[::-1]
    block = exif(orientation)
    assert read(files.jpeg_with(files.jpeg_segment(0xE1, b"Exif\0\0" + block))).size == size
    assert read(files.png_with(files.png_chunk(b"eXIf", block))).size == size
    assert read(encoded(solid(), "WEBP", exif=block)).size == size
    assert read(encoded(solid(), "TIFF", tiffinfo={274: orientation})).size == size


def test_exif_behind_the_pixels_of_png_counts() -> None:
    data = encoded(solid(), "PNG")
    chunk = files.png_chunk(b"eXIf", exif(6))
    assert zlib.crc32(b"") == 0
    assert read(data[:-12] + chunk + data[-12:]).size == SIZE[::-1]
