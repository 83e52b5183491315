"""Which recognized lines count as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.models.ocr.legible import MIN_CONFIDENCE, legible


def one(text: str, confidence: float = 0.99) -> str | None:
    return legible([(text, confidence)])[0]


@pytest.mark.parametrize(
    "text",
    [
        "Milk",
        "OK",
        "30% OFF",
        "C:\\tmp\\a.xml",
        "1913",
        "$9.99",
        "Grüße aus Łódź",
        "Ελλάδα",
        "沖繩親子",
        "ゲート式",
        "Cup<T>",
        "22",
    ],
)
def test_text_is_kept(text: str) -> None:
    assert one(text) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", "A", "7", "品", "-", "...", "→", "□ ○", "||", "00", "II", "111", "lll", "22222",
     "!!a?!", "--- x ---", "День", "שלום"],
)  # fmt: skip
def test_ornaments_and_unknown_scripts_are_dropped(text: str) -> None:
    assert one(text) is None


@pytest.mark.parametrize(
    ("text", "confidence"), [("Milk", 0.79), ("FO", 0.94), ("abc", 0.94), ("沖繩親子", 0.89), ("Long enough", 0.5)]
)
def test_a_line_needs_the_confidence_of_its_kind(text: str, confidence: float) -> None:
    assert one(text, confidence) is None


def test_lines_in_a_script_that_the_model_lacks_discredit_the_others() -> None:
    readings = [(" ,     .", 0.9), ("   ,    ", 0.9), ("3oonapk", 0.957), ("ZOO SHOP", 0.99)]

    assert legible(readings) == [None, None, None, "ZOO SHOP"]


def test_spaces_are_single() -> None:
    assert one(" Hello world ") == "Hello world"


@given(st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1, allow_subnormal=False)), max_size=8))
def test_whatever_is_kept_has_letters_or_digits_and_confidence(readings: list[tuple[str, float]]) -> None:
    results = legible(readings)

    assert len(results) == len(readings)
    for text, (_, confidence) in zip(results, readings, strict=True):
        if text is not None:
            assert confidence >= MIN_CONFIDENCE
            assert sum(character.isalnum() for character in text) >= 2
