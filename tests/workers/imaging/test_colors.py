import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.workers.images import left_red_right_blue, solid
from workers.imaging.colors import COLOR_NAMES, analyze_colors, dominant_colors


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#000000", "black"), ("#404040", "dark grey"), ("#808080", "grey"), ("#c0c0c0", "light grey"),
        ("#ffffff", "white"), ("#ff0000", "red"), ("#800000", "dark red"), ("#ffc0cb", "pink"), ("#ffa500", "orange"),
        ("#8b4513", "brown"), ("#d2b48c", "beige"), ("#ffff00", "yellow"), ("#808000", "olive"), ("#008000", "green"),
        ("#006400", "dark green"), ("#90ee90", "light green"), ("#008080", "teal"), ("#40e0d0", "turquoise"),
        ("#87ceeb", "light blue"), ("#0000ff", "blue"), ("#000080", "navy"), ("#800080", "purple"),
        ("#e6e6fa", "lavender"), ("#708090", "grey"),
    ],
)  # fmt: skip
def test_color_has_its_english_name(color: str, name: str) -> None:
    assert dominant_colors(solid(color)) == [name]


def test_every_rgb_value_has_a_name() -> None:
    steps = np.linspace(0, 255, 12).astype(np.uint8)
    every = np.array(np.meshgrid(steps, steps, steps)).reshape(3, -1).T.reshape(-1, 1, 1, 3)
    for pixels in every:
        assert set(dominant_colors(pixels)) <= set(COLOR_NAMES)


def test_colors_are_ranked_by_area_without_specks() -> None:
    image = Image.new("RGB", (100, 100), "blue")
    image.paste("yellow", (0, 0, 100, 35))
    image.paste("red", (50, 50, 55, 55))
    assert dominant_colors(np.array(image)) == ["blue", "yellow"]


def test_image_without_chroma_is_monochrome() -> None:
    shades = np.tile(np.linspace(0, 255, 80).astype(np.uint8)[None, :, None], (80, 1, 3))
    assert analyze_colors(shades).monochrome
    assert not analyze_colors(np.array(left_red_right_blue())).monochrome


def test_light_is_empty_between_dark_and_bright() -> None:
    assert analyze_colors(solid("#101020")).light == "dark"
    assert analyze_colors(solid("#f0f0e0")).light == "bright"
    assert analyze_colors(solid("#808060")).light == ""


def test_plain_backdrop_is_detected_and_the_subject_s_colors_come_first() -> None:
    image = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(image).ellipse((30, 30, 70, 70), fill="red")
    analysis = analyze_colors(np.array(image))
    assert analysis.backdrop == "white"
    assert analysis.colors == ("red", "white")
    assert not analysis.light


def test_uniform_or_striped_image_has_no_backdrop() -> None:
    assert analyze_colors(solid("white")).backdrop == ""
    assert analyze_colors(np.array(left_red_right_blue())).backdrop == ""


def test_single_pixel_has_a_color() -> None:
    assert dominant_colors(solid("red", 1, 1)) == ["red"]
