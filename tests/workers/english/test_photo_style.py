"""A color photograph is not called black and white."""

import pytest

from workers.english.caption_cleanup import clean_caption
from workers.english.photo_style import correct_photo_style


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("a black and white photo", "a photo"),
        ("a dog in a black and white photo", "a dog in a photo"),
        ("a dog in a black-and-white photograph", "a dog in a photograph"),
        ("a car on a street in black and white", "a car on a street"),
        ("a car on a street, in greyscale", "a car on a street"),
        ("an old monochrome image", "an old image"),
        ("a sepia photo of a house", "a photo of a house"),
        ("a house in sepia tones", "a house"),
        ("a black and white photo of a cat", "a photo of a cat"),
        ("a black and white cat", "a black and white cat"),
        ("a person dressed in black and white", "a person dressed in black and white"),
        ("a person in black and white", "a person in black and white"),
        ("a person holding a black and white photo", "a person holding a black and white photo"),
        ("a black and white checkered floor", "a black and white checkered floor"),
        ("a black and white picture frame", "a black and white picture frame"),
        ("a zebra standing in grass", "a zebra standing in grass"),
    ],
)
def test_color_photograph_is_not_called_black_and_white(phrase: str, expected: str) -> None:
    assert correct_photo_style(phrase, ("green", "blue"), monochrome=False) == expected
    assert correct_photo_style(expected, ("green", "blue"), monochrome=False) == expected


def test_sepia_is_claimed_of_brown_photographs_only() -> None:
    text = "a house in a sepia photo"
    assert correct_photo_style(text, ("brown", "beige"), monochrome=False) == text
    assert correct_photo_style(text, ("brown", "green"), monochrome=False) == "a house in a photo"
    assert correct_photo_style(text, ("grey",), monochrome=True) == "a house in a photo"
    grey = "a house in a black and white photo"
    assert correct_photo_style(grey, ("grey",), monochrome=True) == grey
    assert correct_photo_style(grey, ("brown", "beige"), monochrome=False) == "a house in a photo"


@pytest.mark.parametrize("style", ["sepia", "sepia toned", "monochrome", "grayscale", "faded", "tinted", "colorized"])
def test_opening_about_the_style_of_the_photograph_is_stripped(style: str) -> None:
    assert clean_caption(f"a {style} photo of a house by a river") == "a house by a river"
