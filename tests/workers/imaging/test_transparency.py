"""Transparent images are composited on a ground that shows their subject; blank images have the name of their color."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from decoding import Limits
from tests.workers.images import bar_chart, encoded
from workers.imaging.decoding import DecodedImage, decode


def read(image: Image.Image, file_format: str = "PNG", max_side: int = 448, **options: object) -> DecodedImage:
    return decode(encoded(image, file_format, **options), limits=Limits(pixels=10_000_000), max_side=max_side)


def logo(subject: tuple[int, int, int, int], hidden: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    image = Image.new("RGBA", (120, 80), (*hidden, 0))
    ImageDraw.Draw(image).ellipse((30, 20, 90, 60), fill=subject)
    return image


def ground(decoded: DecodedImage) -> int:
    return int(decoded.pixels[2, 2].max())


def contrast(decoded: DecodedImage) -> int:
    pixels = decoded.pixels.astype(int)
    return int(abs(pixels[decoded.pixels.shape[0] // 2, decoded.pixels.shape[1] // 2] - pixels[2, 2]).max())


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("hidden", [(0, 0, 0), (255, 255, 255)])
def test_light_subject_stands_on_a_dark_ground(file_format: str, hidden: tuple[int, int, int]) -> None:
    for color in ((255, 255, 255, 255), (235, 240, 245, 255), (255, 250, 200, 255)):
        decoded = read(logo(color, hidden), file_format)
        assert ground(decoded) < 60
        assert contrast(decoded) > 150
        assert decoded.blank == ""


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_dark_and_colored_subjects_stand_on_white(file_format: str) -> None:
    for color in ((0, 0, 0, 255), (20, 30, 90, 255), (220, 30, 30, 255), (120, 120, 120, 255)):
        decoded = read(logo(color), file_format)
        assert ground(decoded) == 255
        assert contrast(decoded) > 100


def test_half_transparent_subjects_count_by_their_alpha() -> None:
    assert ground(read(logo((255, 255, 255, 128)))) < 60
    assert ground(read(logo((0, 0, 0, 90)))) == 255
    faint = logo((0, 0, 0, 255))
    faint.paste((255, 255, 255, 20), (0, 62, 120, 80))
    assert ground(read(faint)) == 255


def test_subject_in_white_and_black_stands_on_grey() -> None:
    image = logo((255, 255, 255, 255))
    ImageDraw.Draw(image).rectangle((30, 62, 90, 78), fill=(0, 0, 0, 255))
    ImageDraw.Draw(image).rectangle((30, 2, 90, 18), fill=(0, 0, 0, 255))
    assert 100 < ground(read(image)) < 160


def test_palette_with_a_transparent_index() -> None:
    image = Image.new("P", (60, 40), 0)
    image.putpalette([255, 255, 255, 255, 255, 255, 0, 0, 0])
    image.paste(1, (20, 10, 40, 30))
    assert ground(read(image, transparency=0)) < 60
    assert ground(read(image, "GIF", transparency=0)) < 60
    image.paste(2, (20, 10, 40, 30))
    assert ground(read(image, transparency=0)) == 255
    assert ground(read(image, transparency=bytes([0, 255, 255]))) == 255


def test_transparent_color_of_opaque_modes_is_no_color_of_its_neighbors() -> None:
    for mode, key, subject in (("L", 0, 255), ("RGB", (0, 0, 0), (255, 255, 255)), ("1", 0, 1)):
        image = Image.new(mode, (1200, 800), key)
        image.paste(subject, (300, 200, 900, 600))
        decoded = read(image, transparency=key)
        assert ground(decoded) < 60, mode
        assert contrast(decoded) > 150, mode


def test_grey_with_alpha() -> None:
    image = Image.new("LA", (60, 40), (255, 0))
    image.paste((255, 255), (20, 10, 40, 30))
    assert ground(read(image)) < 60


def test_photograph_with_rounded_corners_stays_on_white() -> None:
    image = Image.new("RGBA", (200, 200), (240, 240, 240, 255))
    image.paste((0, 0, 0, 0), (0, 0, 6, 6))
    assert ground(read(image)) == 255


@pytest.mark.parametrize("max_side", [64, 448, 1280])
def test_every_size_has_the_same_ground(max_side: int) -> None:
    image = logo((255, 255, 255, 255)).resize((1500, 1000))
    assert ground(read(image, max_side=max_side)) < 60


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("hidden", [(0, 0, 0, 0), (255, 0, 200, 0)])
def test_invisible_image_is_white_and_known_as_transparent(file_format: str, hidden: tuple[int, int, int, int]) -> None:
    decoded = read(Image.new("RGBA", (40, 30), hidden), file_format)
    assert decoded.blank == "transparent"
    assert decoded.pixels.min() == 255


@pytest.mark.parametrize(
    ("color", "name"),
    [("white", "white"), ("#f7f5f0", "white"), ("black", "black"), ("#808080", "grey"), ("#c81e1e", "red"),
     ("#1e3cc8", "blue")],
)  # fmt: skip
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_blank_names_the_color_of_an_image_without_detail(color: str, name: str, file_format: str) -> None:
    assert read(Image.new("RGB", (300, 200), color), file_format).blank == name


def test_scan_of_an_empty_page_is_blank() -> None:
    noise = np.random.default_rng(3).normal(0, 2, (400, 300, 3))
    page = Image.fromarray((np.array([246, 244, 240]) + noise).clip(0, 255).astype(np.uint8))
    assert read(page, "JPEG", quality=40).blank == "white"


def test_gradients_and_small_subjects_are_not_blank() -> None:
    sky = np.linspace((120, 170, 230), (190, 215, 245), 300)[:, None, :].repeat(400, axis=1)
    fog = np.linspace(195, 212, 300)[:, None, None].repeat(400, axis=1).repeat(3, axis=2)
    for pixels in (sky, fog):
        assert read(Image.fromarray(pixels.astype(np.uint8)), "JPEG").blank == ""
    page = Image.new("RGB", (400, 300), "white")
    page.paste("black", (180, 140, 220, 160))
    assert read(page).blank == ""
    assert read(bar_chart()).blank == ""
