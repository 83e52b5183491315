"""What becomes of captions as captioners of the BLIP kind produce them: bad_captions.jsonl, one a line."""

import json
from pathlib import Path

import pytest

from workers.composing.metadata import compose
from workers.english.caption_cleanup import LIMIT, clean_caption
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption

CONTEXT = ImageFacts(1200, 800, ("blue", "white"))
NOTHING_TOLD = "A scene in blue and white tones."
TABLE = [json.loads(line) for line in Path(__file__).with_name("bad_captions.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['kind']}: {row['caption'][:40]}")
def test_a_bad_caption_becomes_what_the_table_says(row: dict[str, str]) -> None:
    assert compose([Caption(row["caption"], 0.9)], [], CONTEXT).caption == (row["becomes"] or NOTHING_TOLD)


def test_the_table_has_each_kind_and_no_doubles() -> None:
    assert len({row["caption"] for row in TABLE}) == len(TABLE) >= 60
    assert {row["kind"] for row in TABLE} >= {
        "loop", "repeated word", "prompt echo", "arafed", "cut off", "quotes", "watermark", "name", "profession",
        "place",
        "capitals", "punctuation", "emoji", "script", "markup", "token", "refusal", "nothing", "long",
    }  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['kind']}: {row['caption'][:40]}")
def test_what_was_guarded_needs_no_guard_again(row: dict[str, str]) -> None:
    once = clean_caption(row["caption"])
    assert clean_caption(once) == once
    assert len(once) <= LIMIT


def test_a_caption_of_which_nothing_is_left_gives_way_to_the_next() -> None:
    captions = [Caption("a photo of", 0.9), Caption("getty images", 0.8), Caption("a boat on a lake", 0.7)]
    assert compose(captions, [], CONTEXT).caption == "A boat on a lake."


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
def test_a_good_caption_is_left_as_it_is(good: str) -> None:
    assert clean_caption(good) == good
