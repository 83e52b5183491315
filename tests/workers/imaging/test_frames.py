"""Animations are judged by their most telling frame, documents by their first page that is not blank."""

import contextlib
import random
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from decoding import Damaged, Limits, TooLarge, Undecodable
from tests.workers.images import bar_chart, encoded, left_red_right_blue
from workers.imaging.decoding import DecodedImage, decode
from workers.imaging.frames import judged_frames, telling

LIMITS = Limits(pixels=50_000_000)
ANIMATIONS = ["GIF", "WEBP", "PNG", "AVIF"]


def read(data: bytes, max_side: int = 448) -> DecodedImage:
    return decode(data, limits=LIMITS, max_side=max_side)


def scene(width: int = 200, height: int = 150) -> Image.Image:
    """A red house below a blue sky, with many edges."""
    image = Image.new("RGB", (width, height), "skyblue")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 60, 160, 150), fill="firebrick", outline="black", width=3)
    for left in range(50, 150, 25):
        draw.rectangle((left, 80, left + 12, 100), fill="yellow", outline="black")
    return image


def blank(color: str = "white", size: tuple[int, int] = (200, 150)) -> Image.Image:
    return Image.new("RGB", size, color)


def animation(file_format: str, frames: list[Image.Image], **options: object) -> bytes:
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=60, **options)


def tiff(pages: list[Image.Image], **options: object) -> bytes:
    return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)


def is_scene(decoded: DecodedImage) -> bool:
    return bool(abs(decoded.pixels[70, 100].astype(int) - (178, 34, 34)).max() < 30)


@pytest.mark.parametrize("file_format", ANIMATIONS)
def test_animation_is_judged_by_the_frame_that_shows_most(file_format: str) -> None:
    half = Image.blend(scene(), blank("black"), 0.8)
    decoded = read(animation(file_format, [blank("black"), half, scene(), half, blank("white")]))
    assert is_scene(decoded)
    assert decoded.frames == 5
    assert decoded.blank == ""


@pytest.mark.parametrize("file_format", ANIMATIONS)
@pytest.mark.parametrize("max_side", [100, 448, 1280])
def test_every_size_shows_the_same_frame(file_format: str, max_side: int) -> None:
    turned = scene(400, 300).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    data = animation(file_format, [blank(size=(400, 300)), bar_chart().resize((400, 300)), turned])
    small, large = read(data, 64), read(data, max_side)
    again = np.asarray(Image.fromarray(large.pixels).resize((64, 48), Image.Resampling.BICUBIC))
    assert abs(again.astype(int) - small.pixels).mean() < 8


@pytest.mark.parametrize("file_format", ANIMATIONS)
def test_first_frame_stands_for_equals_and_for_blank_frames(file_format: str) -> None:
    decoded = read(animation(file_format, [blank("red"), blank("blue"), blank("lime")]))
    assert abs(decoded.pixels[20, 20].astype(int) - (255, 0, 0)).max() < 20
    assert decoded.frames == 3
    assert decoded.blank == "red"


def test_one_frame_is_one_frame() -> None:
    for file_format in ("JPEG", "GIF", "WEBP", "PNG", "AVIF", "TIFF", "BMP"):
        assert read(encoded(scene(), file_format)).frames == 1, file_format


def test_previews_in_a_camera_file_are_no_frames() -> None:
    decoded = read(animation("MPO", [scene(), blank()]))
    assert decoded.frames == 1
    assert is_scene(decoded)


@pytest.mark.parametrize("compression", [None, "tiff_deflate", "tiff_lzw"])
def test_first_page_that_is_not_blank_is_decoded(compression: str | None) -> None:
    pages = [blank(), blank("#fdfdfb"), scene(), bar_chart()]
    decoded = read(tiff(pages, compression=compression))
    assert is_scene(decoded)
    assert decoded.frames == 4
    assert (decoded.width, decoded.height) == (200, 150)


def test_pages_have_their_own_size_mode_and_orientation() -> None:
    decoded = read(tiff([blank(size=(50, 50)), left_red_right_blue(60, 30).quantize(4)]))
    assert (decoded.width, decoded.height, decoded.frames) == (60, 30, 2)
    assert decoded.pixels.shape == (30, 60, 3)


def test_blank_document_is_its_first_page() -> None:
    decoded = read(tiff([blank("#fafafa"), blank(size=(30, 30))]))
    assert (decoded.width, decoded.frames, decoded.blank) == (200, 2, "white")


def test_page_beyond_the_limit_ends_the_search_and_a_first_one_is_refused() -> None:
    data = tiff([blank(size=(20, 20)), bar_chart(), scene()])
    decoded = decode(data, limits=Limits(pixels=40_000))
    assert (decoded.width, decoded.frames, decoded.blank) == (20, 3, "white")
    with pytest.raises(TooLarge):
        decode(tiff([bar_chart(), scene()]), limits=Limits(pixels=40_000))


def test_loop_in_the_chain_of_pages_ends() -> None:
    data = bytearray(tiff([blank(size=(8, 8)), blank(size=(8, 8))]))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    second = struct.unpack_from("<I", data, first + 2 + 12 * entries)[0]
    entries = struct.unpack_from("<H", data, second)[0]
    struct.pack_into("<I", data, second + 2 + 12 * entries, first)
    decoded = read(bytes(data))
    assert (decoded.frames, decoded.blank) == (2, "white")


def test_damaged_later_page_leaves_the_first() -> None:
    data = tiff([blank(), scene(), scene()], compression="tiff_deflate")
    assert read(data[: len(data) - 500]).width == 200
    with pytest.raises(Damaged):
        read(tiff([scene()] * 2, compression="tiff_deflate")[:300])


def gif(canvas: tuple[int, int], boxes: list[tuple[int, int, int, int]]) -> bytes:
    """Return an animation with frames (left, top, width, height) of one pixel of data each."""
    frames = b"".join(
        b"\x21\xf9\x04\x08\x05\0\0\0" + struct.pack("<B4HB", 0x2C, *box, 0) + b"\x02\x02\x44\x01\x00" for box in boxes
    )
    return b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + b"\xff\0\0\0\0\xff" + frames + b";"


def test_frame_outside_the_canvas_does_not_enlarge_it() -> None:
    decoded = read(gif((1, 1), [(0, 0, 1, 1), (0, 0, 1, 1), (60_000, 60_000, 5_000, 5_000), (0, 0, 1, 1)]))
    assert (decoded.width, decoded.height, decoded.frames) == (1, 1, 2)


def test_thousands_of_frames_are_decoded_within_a_bound_of_pixels_and_time() -> None:
    started = time.thread_time()
    assert read(gif((1, 1), [(0, 0, 1, 1)] * 100_000)).frames == 10_000
    assert time.thread_time() - started < 5


def test_animation_that_claims_frames_it_lacks_is_judged_by_those_it_has() -> None:
    data = bytearray(animation("PNG", [blank("black"), scene()]))
    at = data.index(b"acTL")
    struct.pack_into(">I", data, at + 4, 2**30)
    struct.pack_into(">I", data, at + 12, zlib.crc32(data[at : at + 12]))
    decoded = read(bytes(data))
    assert (decoded.width, decoded.frames) == (200, 10_000)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("file_format", [*ANIMATIONS, "TIFF"])
def test_damaged_animation_gives_an_image_or_an_image_error(file_format: str) -> None:
    good = animation(file_format, [blank(), scene(), blank("black"), bar_chart().resize((200, 150))])
    dice = random.Random(file_format)
    for _ in range(40):
        data = bytearray(good)
        for _ in range(dice.randint(1, 12)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(Undecodable):
            assert decode(bytes(data), limits=Limits(pixels=1_000_000)).frames >= 1


@pytest.mark.parametrize(
    ("size", "frames", "indices"),
    [
        ((100, 100), 1, [0]),
        ((100, 100), 3, [0, 1, 2]),
        ((100, 100), 100, [0, 14, 28, 42, 57, 71, 85, 99]),
        ((4000, 3000), 100, [0, 1, 2, 3]),
        ((7000, 7000), 100, [0]),
    ],
)
def test_judged_frames_are_spread_evenly_and_bounded(size: tuple[int, int], frames: int, indices: list[int]) -> None:
    assert judged_frames(*size, frames) == indices


def test_more_detail_is_more_telling() -> None:
    faded = Image.blend(scene(), blank("black"), 0.7)
    scores = [telling(np.asarray(image)) for image in (blank("grey"), faded, scene())]
    assert scores[0] == 0.0
    assert scores == sorted(scores)


def test_truncated_animation_is_judged_by_the_frames_before_the_damage() -> None:
    whole = animation("GIF", [blank("black"), scene(), bar_chart().resize((200, 150))])
    decoded = read(whole[: whole.rindex(b"\x21\xf9")])
    assert is_scene(decoded)
    assert decoded.frames == 2
