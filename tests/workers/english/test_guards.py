"""What is wrong with a captioner's sentence is taken out of it, and what is right stays."""

import pytest

from workers.english.guards import clean_candidate, content_similarity

SEEN = [
    ("a cat wearing a hat on top of a hat on top of a hat", "a cat wearing a hat"),
    ("a hat on top of a hat on top of a hat", "a hat"),
    ("a hat on top of a hat", "a hat"),
    ("a dog dog dog dog", "a dog"),
    ("a woman and a woman and a woman and a woman", "a woman and a woman"),
    ("a man in a suit and a tie and a shirt and a tie and a shirt", "a man in a suit and a tie and a shirt"),
    ("a red bus on the street next to a red bus on the street", "a red bus on the street"),
    ("a picture of a dog", "a dog"),
    ("a photo of a picture of a dog", "a dog"),
    ("this is an image of two people on a beach", "two people on a beach"),
    ("there is a photograph showing a lake", "a lake"),
    ("a small dog in the picture", "a small dog"),
    ("A Dog On Grass.", "a dog on grass"),
    ("a man riding a", "a man riding"),
    ("a bowl of [unk] soup", "a bowl of soup"),
    ("##s dogs on a sofa", "dogs on a sofa"),
]
GOOD = [
    "a man holding a picture of a dog",
    "two dogs playing side by side on a field",
    "a man next to another man",
    "a cat sitting on a chair in front of a window",
    "a black and white photo of a street",
    "people walking hand in hand along the beach",
    "a stack of books next to a stack of plates",
    "one dog",
]
EMPTY = ["", "  ", "...", "a", "a the of", "a picture of", "a picture", "[unk] [pad]", "##ing", "\u200b", "12 34"]


@pytest.mark.parametrize(("bad", "good"), SEEN)
def test_what_people_complain_of_is_taken_out(bad: str, good: str) -> None:
    assert clean_candidate(bad) == good


@pytest.mark.parametrize("sentence", GOOD)
def test_what_is_right_stays(sentence: str) -> None:
    assert clean_candidate(sentence) == sentence


@pytest.mark.parametrize("sentence", EMPTY)
def test_what_tells_nothing_is_empty(sentence: str) -> None:
    assert clean_candidate(sentence) == ""


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("a view of a lake", "a lake"),
        ("a view of a view of a lake", "a lake"),
        ("A view of", ""),
        ("a viewer of birds", "a viewer of birds"),
    ],
)
def test_the_prompt_is_not_said_again(said: str, left: str) -> None:
    assert clean_candidate(said, "a view of") == left


@pytest.mark.parametrize("sentence", [*GOOD, *(bad for bad, _ in SEEN), *EMPTY])
def test_what_is_guarded_stays_as_it_is(sentence: str) -> None:
    assert clean_candidate(clean_candidate(sentence)) == clean_candidate(sentence)


def test_sentences_are_alike_by_the_words_that_carry_meaning() -> None:
    assert content_similarity("a dog on a sofa", "dogs on the sofa") == 1.0
    assert content_similarity("a dog on a sofa", "a red bus") == 0.0
    assert 0 < content_similarity("a dog on a sofa", "a dog on grass") < 0.5
    assert content_similarity("", "") == 0.0
