"""Spelling of the regions of English: the table and what it is applied to."""

from collections import Counter

import pytest

from analysis_options import FAMILIES
from analysis_options.languages import ENGLISH
from workers.english.spelling.respell import respell, spelling_table, spellings_of

# What is given, and how en (and en-US), en-GB and en-CA spell it.
SPELLED = {
    "a gray cat": ("a gray cat", "a grey cat", "a grey cat"),
    "a grey cat": ("a gray cat", "a grey cat", "a grey cat"),
    "Blue is the main colour": ("Blue is the main color", "Blue is the main colour", "Blue is the main colour"),
    "a Colorful, cream-coloured Multicolored rug": (
        "a Colorful, cream-colored Multicolored rug",
        "a Colourful, cream-coloured Multicoloured rug",
        "a Colourful, cream-coloured Multicoloured rug",
    ),
    "JEWELRY at a jeweller's": ("JEWELRY at a jeweler's", "JEWELLERY at a jeweller's", "JEWELLERY at a jeweller's"),
    "a theater in the town centre": (
        "a theater in the town center",
        "a theatre in the town centre",
        "a theatre in the town centre",
    ),
    "an airplane and aeroplanes": (
        "an airplane and airplanes",
        "an aeroplane and aeroplanes",
        "an airplane and airplanes",
    ),
    "a tire at the curb": ("a tire at the curb", "a tyre at the kerb", "a tire at the curb"),
    "a watercolour of a harbor": (
        "a watercolor of a harbor",
        "a watercolour of a harbour",
        "a watercolour of a harbour",
    ),
    "Centred, stylised shapes": ("Centered, stylized shapes", "Centred, stylised shapes", "Centred, stylized shapes"),
    "a two-story house, two storey": (
        "a two-story house, two story",
        "a two-storey house, two storey",
        "a two-storey house, two storey",
    ),
    "a License Plate": ("a License Plate", "a Licence Plate", "a Licence Plate"),
    "a donut and a doughnut": ("a donut and a doughnut", "a doughnut and a doughnut", "a donut and a doughnut"),
    "an axe": ("an axe", "an axe", "an axe"),
    # Other words, and names that have one spelling.
    "a greyhound with an African grey": ("a greyhound with an African grey",) * 3,
    "a parking meter, tired, in the story": ("a parking meter, tired, in the story",) * 3,
    'the text "GRAY COLOUR" on gray': (
        'the text "GRAY COLOUR" on gray',
        'the text "GRAY COLOUR" on grey',
        'the text "GRAY COLOUR" on grey',
    ),
}


@pytest.mark.parametrize(("text", "expected"), SPELLED.items(), ids=list(SPELLED))
def test_each_region_has_its_spelling(text: str, expected: tuple[str, str, str]) -> None:
    assert (respell(text, "en"), respell(text, "en-GB"), respell(text, "en-CA")) == expected
    assert respell(text, "en-US") == expected[0]
    assert respell(text, "en-AU") == expected[1]


@pytest.mark.parametrize("language", ENGLISH)
def test_a_text_in_a_regions_spelling_stays(language: str) -> None:
    words = ", ".join(word for row in spelling_table() for word in (row.american, row.british))
    once = respell(words, language)

    assert respell(once, language) == once


def test_other_languages_and_kept_words_stay() -> None:
    assert respell("Grey, gray", "de") == "Grey, gray"
    assert respell("Gray Gallery, grey wall", "en-GB", {"gray"}) == "Gray Gallery, grey wall"


def test_no_word_of_the_table_has_two_rows() -> None:
    rows = [(row.american, row.british) for row in spelling_table()]

    assert [word for word, count in Counter(word for row in rows for word in row).items() if count > 1] == []
    assert all(american != british and f"{american}{british}".replace("-", "").isalpha() for american, british in rows)


def test_both_spellings_are_one_word() -> None:
    assert spellings_of("grey") == spellings_of("gray") == {"gray", "grey"}
    assert spellings_of("dog") == {"dog"}


def test_families_of_english_alone_list_the_regions() -> None:
    assert FAMILIES["embedded"].languages == FAMILIES["blip-clip"].languages == tuple(ENGLISH)
