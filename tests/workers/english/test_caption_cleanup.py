"""Captions with the defects of BLIP-like captioners: bad_captions.jsonl for `clean_caption`, one per line."""

import json
from pathlib import Path

import pytest

from workers.composing.metadata import compose
from workers.english.caption_cleanup import (
    LIMIT,
    clean_candidate,
    clean_caption,
    collapse_repetitions,
    content_similarity,
)
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption

FACTS = ImageFacts(1200, 800, ("blue", "white"))
CAPTION_WITHOUT_CONTENT = "A scene in blue and white tones."
TABLE = [json.loads(line) for line in Path(__file__).with_name("bad_captions.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['kind']}: {row['caption'][:40]}")
def test_bad_caption_is_cleaned_as_in_the_table(row: dict[str, str]) -> None:
    assert compose([Caption(row["caption"], 0.9)], [], FACTS).caption == (row["becomes"] or CAPTION_WITHOUT_CONTENT)


def test_table_has_each_kind_and_no_duplicates() -> None:
    assert len({row["caption"] for row in TABLE}) == len(TABLE) >= 60
    assert {row["kind"] for row in TABLE} >= {
        "loop", "repeated word", "prompt echo", "arafed", "cut off", "quotes", "watermark", "name", "profession",
        "place",
        "capitals", "punctuation", "emoji", "script", "markup", "token", "refusal", "nothing", "long",
    }  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['kind']}: {row['caption'][:40]}")
def test_clean_caption_is_idempotent(row: dict[str, str]) -> None:
    once = clean_caption(row["caption"])
    assert clean_caption(once) == once
    assert len(once) <= LIMIT


def test_caption_without_content_falls_back_to_the_next() -> None:
    captions = [Caption("a photo of", 0.9), Caption("getty images", 0.8), Caption("a boat on a lake", 0.7)]
    assert compose(captions, [], FACTS).caption == "A boat on a lake."


@pytest.mark.parametrize(
    "good",
    [
        "a man standing next to a man", "a picture hanging on a wall", "a person holding a picture of a dog",
        "a red car and a red truck on a road", "a man with a dog and a man with a cat",
        "a black and white cat on a bed",
        "a bowl of soup with a spoon", "a building with a painting on it of a bird", "a woman in black", "a stop sign",
        "a cat and a dog on a sofa", "a stock car on a track", "a fire hydrant", "a close-up of a flower",
        "an old photograph album on a table", "two zebras and two giraffes in a field", "a cat in a box in a room",
    ],
)  # fmt: skip
def test_good_caption_is_unchanged(good: str) -> None:
    assert clean_caption(good) == good


BAD_CANDIDATES = [
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
GOOD_CANDIDATES = [
    "a man holding a picture of a dog",
    "two dogs playing side by side on a field",
    "a man next to another man",
    "a cat sitting on a chair in front of a window",
    "a black and white photo of a street",
    "people walking hand in hand along the beach",
    "a stack of books next to a stack of plates",
    "one dog",
]
WITHOUT_CONTENT = [
    "",
    "  ",
    "...",
    "a",
    "a the of",
    "a picture of",
    "a picture",
    "[unk] [pad]",
    "##ing",
    "\u200b",
    "12 34",
]


@pytest.mark.parametrize(("bad", "good"), BAD_CANDIDATES)
def test_bad_candidate_is_cleaned(bad: str, good: str) -> None:
    assert clean_candidate(bad) == good


@pytest.mark.parametrize("sentence", GOOD_CANDIDATES)
def test_good_candidate_is_unchanged(sentence: str) -> None:
    assert clean_candidate(sentence) == sentence


@pytest.mark.parametrize("sentence", WITHOUT_CONTENT)
def test_candidate_without_content_is_empty(sentence: str) -> None:
    assert clean_candidate(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "cleaned"),
    [
        ("a view of a lake", "a lake"),
        ("a view of a view of a lake", "a lake"),
        ("A view of", ""),
        ("a viewer of birds", "a viewer of birds"),
    ],
)
def test_prompt_echo_is_stripped(sentence: str, cleaned: str) -> None:
    assert clean_candidate(sentence, "a view of") == cleaned


@pytest.mark.parametrize("sentence", [*GOOD_CANDIDATES, *(bad for bad, _ in BAD_CANDIDATES), *WITHOUT_CONTENT])
def test_clean_candidate_is_idempotent(sentence: str) -> None:
    assert clean_candidate(clean_candidate(sentence)) == clean_candidate(sentence)


def test_similarity_compares_content_words() -> None:
    assert content_similarity("a dog on a sofa", "dogs on the sofa") == 1.0
    assert content_similarity("a dog on a sofa", "a red bus") == 0.0
    assert 0 < content_similarity("a dog on a sofa", "a dog on grass") < 0.5
    assert content_similarity("", "") == 0.0


def test_adjacent_repetitions_are_collapsed() -> None:
    assert collapse_repetitions("a cat cat cat on the bed on the bed on the bed") == "a cat on the bed"
