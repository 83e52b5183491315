"""Reading order, phrases, headline and quotations of lines."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.models.ocr.drawings import line, words
from workers.models.evidence import TextLine
from workers.models.ocr.layout import count_words, headline, phrases, quotable, reading_order, text_height

HEIGHT = st.floats(0.01, 0.1, allow_subnormal=False)
POSITION = st.floats(0, 0.9, allow_nan=False, allow_subnormal=False)
LINES = st.lists(
    st.builds(
        line,
        st.text("abc é1.沖", min_size=1, max_size=20),
        POSITION,
        POSITION,
        height=st.floats(0.01, 0.1, allow_subnormal=False),
    ),
    max_size=12,
)


def shuffled(lines: list[TextLine]) -> list[TextLine]:
    return random.Random(7).sample(lines, len(lines))


def test_rows_are_read_from_top_to_bottom_and_left_to_right() -> None:
    lines = [line("one", 0.1, 0.1), line("two", 0.5, 0.11), line("three", 0.1, 0.3), line("four", 0.5, 0.29)]

    assert reading_order(shuffled(lines)) == lines


def test_columns_of_text_are_read_one_after_the_other_below_their_heading_and_above_the_footer() -> None:
    left = [line(f"left column {n} text", 0.05, 0.3 + 0.08 * n, width=0.4) for n in range(3)]
    right = [line(f"right column {n} text", 0.55, 0.3 + 0.08 * n, width=0.4) for n in range(3)]
    page = [line("Heading of both", 0.05, 0.05, width=0.9), *left, *right, line("Footer of both", 0.05, 0.9, width=0.9)]

    assert words(reading_order(shuffled(page))) == words(page)


def test_prices_beside_items_are_read_row_by_row() -> None:
    rows = [[line("Apple juice", 0.05, top), line("2.50", 0.8, top)] for top in (0.1, 0.2, 0.3)]
    lines = [cell for row in rows for cell in row]

    assert reading_order(shuffled(lines)) == lines


def test_lines_of_a_block_are_joined() -> None:
    lines = [
        line("Revive the", 0.1, 0.1),
        line("beauty of", 0.1, 0.16),
        line("your body", 0.1, 0.22),
        line("now", 0.1, 0.8),
    ]

    assert [phrase.text for phrase in phrases(lines)] == ["Revive the beauty of your body", "now"]


def test_lines_of_different_heights_are_not_joined() -> None:
    lines = [line("Title", 0.1, 0.1, height=0.1), line("small", 0.1, 0.21, height=0.04)]

    assert len(phrases(lines)) == 2


def test_words_of_a_row_are_joined_unless_they_are_far_apart() -> None:
    lines = [line("Shop", 0.1, 0.1), line("now", 0.23, 0.1), line("Cart", 0.8, 0.1)]

    assert [phrase.text for phrase in phrases(lines)] == ["Shop now", "Cart"]


def test_hyphenated_words_and_cjk_are_joined_without_space() -> None:
    assert phrases([line("a long exam-", 0.1, 0.1), line("ple of text", 0.1, 0.16)])[0].text == "a long example of text"
    assert (
        phrases([line("沖繩親子", 0.1, 0.1, width=0.2), line("旅遊筆記", 0.1, 0.16, width=0.2)])[0].text
        == "沖繩親子旅遊筆記"
    )


def test_speech_bubbles_beside_each_other_are_separate_phrases() -> None:
    first = [line("How is your", 0.05, 0.1), line("computer?", 0.05, 0.16)]
    second = [line("Can I ask", 0.6, 0.11), line("something?", 0.6, 0.17)]

    assert {phrase.text for phrase in phrases(reading_order(first + second))} == {
        "How is your computer?",
        "Can I ask something?",
    }


def test_vertical_and_slanted_text_is_not_taken_for_large_text() -> None:
    axis = TextLine("Number of visitors", 0.99, 0.01, 0.2, 0.04, 0.8)
    title = line("Visits by month", 0.2, 0.02, height=0.05)

    assert text_height(axis) < text_height(title) == pytest.approx(0.05)
    assert headline([axis, title]) == "Visits by month"


def test_the_headline_is_the_largest_text() -> None:
    lines = [
        line("Presented by the city", 0.1, 0.05, height=0.03),
        line("JAZZ", 0.1, 0.3, height=0.2),
        line("Doors 8 pm", 0.1, 0.8),
    ]

    assert headline(lines) == "JAZZ"


def test_of_texts_of_the_same_height_the_upper_is_the_headline() -> None:
    assert headline([line("Bottom text", 0.1, 0.9), line("Top text", 0.1, 0.05)]) == "Top text"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [line("2024", 0.1, 0.1)],
        [line("0 ms 200 ms 400 ms", 0.1, 0.1)],
        [line("of", 0.1, 0.1)],
        [
            line("a page with a dozen words in each of its lines of text", 0.1, 0.1 + 0.06 * number)
            for number in range(8)
        ],
    ],
)
def test_numbers_scraps_and_running_text_are_no_headline(lines: list[TextLine]) -> None:
    assert headline(lines) == ""


def test_quotations_are_the_largest_phrases_in_reading_order() -> None:
    lines = [
        line("Only today", 0.1, 0.05),
        line("SALE", 0.1, 0.3, height=0.2),
        line("terms and conditions apply", 0.1, 0.9, height=0.02),
    ]

    assert quotable(lines) == ["Only today", "SALE"]


def test_quotations_keep_within_the_limit_of_words() -> None:
    lines = [line("one two three", 0.1, 0.1, height=0.1), line("four five six", 0.1, 0.5), line("seven", 0.1, 0.8)]

    assert quotable(lines, 3) == ["one two three"]
    assert quotable(lines, 4) == ["one two three", "seven"]
    assert quotable(lines, 6) == ["one two three", "four five six"]
    assert quotable(lines, 0) == []


def test_a_long_phrase_is_cut_at_the_end_of_a_sentence_or_else_of_a_word() -> None:
    assert quotable([line("Stop here. This is too long to quote", 0.1, 0.1)], 5) == ["Stop here."]
    assert quotable([line("First of all, this is too long", 0.1, 0.1)], 5) == ["First of all"]
    assert quotable([line("There is no mark in here at all", 0.1, 0.1)], 5) == ["There is no mark in"]


def test_numbers_are_quoted_where_they_are_the_largest_text_by_far() -> None:
    ticks = [line(str(number), 0.1, 0.1 + number / 200) for number in (0, 20, 40, 60)]

    assert quotable([*ticks, line("Epoch", 0.4, 0.9)]) == ["Epoch"]
    assert quotable([line("50%", 0.1, 0.1, height=0.2), line("off all teas", 0.1, 0.5)]) == ["50%", "off all teas"]
    assert quotable([line("1913", 0.1, 0.1)]) == ["1913"]


def test_repeated_phrases_are_quoted_once() -> None:
    assert quotable([line("ENJOY", 0.1, top) for top in (0.1, 0.4, 0.7)]) == ["ENJOY"]


def test_two_cjk_characters_count_as_a_word() -> None:
    assert count_words("沖繩親子 guide 2024") == 4


@given(LINES)
def test_every_line_is_read_once_and_the_order_is_stable(lines: list[TextLine]) -> None:
    ordered = reading_order(lines)

    assert sorted(ordered, key=repr) == sorted(lines, key=repr)
    assert reading_order(ordered) == ordered


@given(LINES, st.integers(0, 15))
def test_quotations_and_headline_keep_their_limits(lines: list[TextLine], limit: int) -> None:
    assert sum(map(count_words, quotable(lines, limit))) <= limit
    assert len(headline(lines)) <= 80
    assert count_words(headline(lines)) <= 12
