import re
from itertools import product
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.jobs import events
from workers.composing.metadata import ComposedMetadata, Metadata, compose
from workers.english.caption_cleanup import clean_caption
from workers.english.grammar import singularize
from workers.imaging.colors import COLOR_NAMES
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag

BLUE_AND_WHITE = ImageFacts(1200, 800, ("blue", "white"))
CAT = Tag("tabby cat", 0.8, "animal", "cat")

WORDS = [
    "a", "cat", "cats", "photo of", "image of", "on", "the", "Über", "日本", "\U0001f408", "\u200b", "St.", "no.",
    "O'Neill", "-", "...", "x" * 140, "and", "PICTURE OF", "there is", "1", "ß", "İ", "\ufb01", "!", '"', "\n",
    "\ud83d", "of", "man", "woman's", "his", "she", "barack", "paris", "doctor", "getty images", "arafed", "<b>",
    "&amp;",
    "question:", "answer:", "on top of", "with a", "red", "blue", "two", "dogs", "at night", "holding", "is",
    "www.x.com",
    "named", "\u2019", "(", "©", "[SEP]", "close up of", "black and white", "standing", "THERE IS A", ",",
]  # fmt: skip
texts = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join))
confidences = st.floats(0, 1, allow_subnormal=False)
captions = st.lists(st.builds(Caption, texts, confidences), max_size=4)
tags = st.lists(
    st.builds(Tag, texts, confidences, texts, texts, st.sampled_from(["count", "mass", "plural"])), max_size=25
)
image_facts = st.builds(
    ImageFacts,
    st.integers(1, 20_000),
    st.integers(1, 20_000),
    st.lists(st.sampled_from(COLOR_NAMES), max_size=4, unique=True).map(tuple),
    st.booleans(),
    st.sampled_from(["", "bright", "dark"]),
    st.sampled_from(["", *COLOR_NAMES]),
)


def test_metadata_has_the_fields_of_the_events() -> None:
    assert get_type_hints(Metadata) == get_type_hints(events.ImageMetadata)


def assert_within_limits(metadata: ComposedMetadata) -> None:
    assert 3 <= len(metadata.title.split()) <= 9
    assert not metadata.title.endswith((".", " "))
    assert len(metadata.title) <= 300

    assert 0 < len(metadata.alt) <= 125
    assert not re.match(r"(an? |the )?(image|picture|photo|photograph) (of|showing)\b", metadata.alt, re.IGNORECASE)

    assert metadata.caption.endswith(".")
    assert metadata.caption[0] == metadata.caption[0].upper()[0] or len(metadata.caption[0].upper()) > 1
    assert len(metadata.caption) <= 300

    assert metadata.description.count(". ") >= 1
    assert metadata.description.endswith(".")
    assert len(metadata.description) > len(metadata.caption)

    assert metadata.filename == metadata.filename_candidates[0]
    assert len(set(metadata.filename_candidates)) == len(metadata.filename_candidates) >= 2
    for name in metadata.filename_candidates:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert len(name) <= 80

    assert 3 <= len(metadata.seo_tags) <= 15
    assert all(tag and tag == tag.lower() == tag.strip() and len(tag) <= 40 for tag in metadata.seo_tags)
    keys = [frozenset(map(singularize, re.findall(r"\w+", tag))) for tag in metadata.seo_tags]
    assert len(set(keys)) == len(keys)

    for text in (metadata.title, metadata.alt, metadata.caption, metadata.description, *metadata.seo_tags):
        assert "\n" not in text
        assert "  " not in text
        text.encode()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(captions, tags, image_facts, st.booleans())
def test_metadata_of_any_input_is_within_the_limits(
    captions: list[Caption], tags: list[Tag], facts: ImageFacts, gender_neutral: bool
) -> None:
    assert_within_limits(compose(captions, tags, facts, neutral_people=gender_neutral))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(texts)
def test_clean_caption_is_idempotent(text: str) -> None:
    once = clean_caption(text)
    assert clean_caption(once) == once


@settings(max_examples=60, deadline=None, derandomize=True)
@given(captions, tags, image_facts)
def test_compose_is_deterministic(captions: list[Caption], tags: list[Tag], facts: ImageFacts) -> None:
    assert compose(captions, tags, facts) == compose(list(captions), list(tags), facts)


def test_caption_of_500_words_is_truncated() -> None:
    rambling = " ".join(f"word{number} and" for number in range(250))
    metadata = compose([Caption(rambling, 0.9)], [], BLUE_AND_WHITE)
    assert_within_limits(metadata)
    assert not metadata.alt.endswith(" and")
    assert len(metadata.caption) <= 221


def test_without_confident_tags_colors_and_light_are_described() -> None:
    metadata = compose([], [Tag("missile", 0.12)], ImageFacts(1200, 800, ("blue", "white"), light="bright"))
    assert metadata.title == "Bright Scene in Blue and White Tones"
    assert metadata.alt == "A bright scene in blue and white tones"
    assert metadata.caption == "A bright scene in blue and white tones."
    assert metadata.filename == "bright-scene-in-blue-and-white-tones"
    everything = " ".join([metadata.description, *metadata.seo_tags, *metadata.filename_candidates])
    assert "missile" not in everything


def test_label_becomes_a_sentence() -> None:
    metadata = compose([Caption("a tabby cat", 0.8)], [Tag("cat", 0.9), CAT], BLUE_AND_WHITE)
    assert metadata.as_metadata() == {
        "title": "A Tabby Cat",
        "alt": "A tabby cat",
        "caption": "A tabby cat.",
        "description": "This picture shows a tabby cat. The main colours are blue and white, "
        "and the picture is in landscape format.",
        "filename": "tabby-cat",
        "seoTags": ["tabby cat", "cat", "blue", "white", "landscape format"],
    }


def test_sentence_stays_the_caption() -> None:
    tags = [Tag("laptop", 0.8, "electronics"), Tag("lynx", 0.9, "animal"), Tag("umbrella", 0.5, "accessory")]
    metadata = compose([Caption("a cat sitting on a wooden table", 0.9)], tags, BLUE_AND_WHITE)
    assert metadata.title == "Cat Sitting on a Wooden Table"
    assert metadata.alt == "A cat sitting on a wooden table"
    assert metadata.caption == "A cat sitting on a wooden table."
    assert metadata.description.startswith("A cat sitting on a wooden table. ")
    assert "It also shows a laptop." in metadata.description
    assert "lynx" not in metadata.description
    assert "umbrella" not in metadata.description
    assert metadata.filename == "cat-sitting-on-wooden-table"
    assert metadata.seo_tags[:5] == ("cat", "laptop", "lynx", "umbrella", "wooden table")


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("a photo of a dog on grass", "A dog on grass."),
        ("An image of: two dogs on grass", "Two dogs on grass."),
        ("there is a dog that is on the grass", "A dog on the grass."),
        ("a black and white photo of a bridge over a river", "A bridge over a river."),
        ("this is a close up picture of a cup on a table.", "A cup on a table."),
        ("a man a man a man riding a wave on a wave on a wave", "A man riding a wave."),
        ('  "A DOG ON GRASS!!!"  ', "A dog on grass."),
        ("a picture hanging on a wall", "A picture hanging on a wall."),
        ("a man holding a picture of a dog", "A man holding a picture of a dog."),
        ("dogs on grass. they bark. loudly", "Dogs on grass."),
    ],
)
def test_openings_repetitions_and_later_sentences_are_stripped(text: str, caption: str) -> None:
    assert compose([Caption(text, 0.9)], [], BLUE_AND_WHITE, neutral_people=False).caption == caption


def test_empty_caption_falls_back_to_the_next() -> None:
    metadata = compose([Caption(" . ", 0.9), Caption("an espresso", 0.6)], [], BLUE_AND_WHITE)
    assert metadata.caption == "An espresso."


def test_plurals_and_mass_nouns_take_no_article() -> None:
    for phrase in ("sunglasses", "guacamole"):
        metadata = compose([Caption(phrase, 0.9)], [], BLUE_AND_WHITE)
        assert metadata.caption == f"{phrase.capitalize()}."
        assert metadata.title == f"Picture of {phrase.capitalize()}"
        assert f"This picture shows {phrase}." in metadata.description


def test_plain_backdrop_is_described() -> None:
    metadata = compose([Caption("a backpack", 0.9)], [], ImageFacts(256, 256, ("red", "white"), backdrop="white"))
    assert metadata.alt == "A backpack on a plain white background"
    assert metadata.title == "Backpack on a Plain White Background"
    assert "white background" in metadata.seo_tags


def test_main_color_is_not_attributed_to_the_object() -> None:
    metadata = compose([Caption("a person", 0.9)], [], ImageFacts(256, 256, ("red", "white"), backdrop="white"))
    assert "red" not in f"{metadata.title} {metadata.alt} {metadata.caption} {metadata.filename}".lower()
    assert "The main colours are red and white" in metadata.description


def test_title_and_alt_name_the_subject_without_colors() -> None:
    for caption, tag, title in (
        ("a kitchen", Tag("kitchen", 0.7, "building"), "View of a Kitchen"),
        ("a dog", Tag("dog", 0.7, "animal"), "Picture of a Dog"),
        ("a furry animal", Tag("animal", 0.7, "animal"), "A Furry Animal"),
        ("running shoes", Tag("shoe", 0.7, "clothing"), "Picture of Running Shoes"),
    ):
        metadata = compose([Caption(caption, 0.9)], [tag], ImageFacts(300, 200, ("light grey", "dark green")))
        assert metadata.title == title
        assert metadata.alt == caption.capitalize()
        assert metadata.caption == f"{caption.capitalize()}."


@pytest.mark.parametrize(
    ("caption", "title"),
    [
        (
            "a person is sitting on a rock in front of a blue umbrella",
            "Person Sitting on Rock in Front of Blue Umbrella",
        ),
        ("a plate of food is on a table", "Plate of Food on a Table"),
        ("a red bus is parked on the side of a road", "Red Bus Parked on the Side of a Road"),
        (
            "a person in a red jacket is skiing down a very snowy hill",
            "Person in Red Jacket Skiing Down Very Snowy Hill",
        ),
        ("a brown and white dog is playing with a white and brown dog", "Brown and White Dog Playing"),
        ("a man and a woman sit at a table in front of a very large building", "Two People Sit at a Table"),
        ("a boat and a train beside a river", "Boat and Train Beside a River"),
        ("a close up of a bird", "Close-Up of a Bird"),
        ("a dog jumping over a fence under a tree", "Dog Jumping over a Fence Under a Tree"),
    ],
)
def test_title_is_a_complete_headline(caption: str, title: str) -> None:
    assert compose([Caption(caption, 0.9)], [], BLUE_AND_WHITE).title == title


def test_filename_has_more_than_one_word() -> None:
    assert compose([Caption("a dog", 0.9)], [], BLUE_AND_WHITE).filename == "dog-blue-tones"
    assert compose([Caption("a dog", 0.9)], [Tag("ball", 0.8, "toy")], BLUE_AND_WHITE).filename == "dog-ball"


def test_format_tag_is_only_a_filler() -> None:
    named = [Tag(text, 0.9) for text in ("beagle", "lawn", "ball")]
    assert "landscape format" not in compose([], named, BLUE_AND_WHITE).seo_tags
    assert "landscape format" in compose([], [], BLUE_AND_WHITE).seo_tags
    assert not any("picture" in tag for tag in compose([], [], BLUE_AND_WHITE).seo_tags)


def test_monochrome_image_is_described_without_other_colors() -> None:
    facts = ImageFacts(512, 512, ("grey", "light grey"), monochrome=True)
    for captions in ([], [Caption("a stone wall", 0.7)]):
        metadata = compose(captions, [], facts)
        assert "black and white" in metadata.description
        assert "grey" not in metadata.description
        assert "black and white" in metadata.seo_tags


@pytest.mark.parametrize(
    ("size", "orientation"),
    [
        ((100, 100), "square"), ((104, 100), "square"), ((120, 100), "landscape"), ((200, 100), "panorama"),
        ((2, 3), "portrait"),
    ],
)  # fmt: skip
def test_orientation_follows_from_the_size(size: tuple[int, int], orientation: str) -> None:
    assert ImageFacts(*size).orientation == orientation


def test_tags_are_distinct_and_best_first() -> None:
    tags = [Tag("sports car", 0.9, "vehicle", "car"), Tag("cars", 0.6), Tag("Car", 0.5), Tag("beetle", 0.05)]
    metadata = compose([], tags, BLUE_AND_WHITE)
    assert metadata.seo_tags[:2] == ("sports car", "car")
    assert "cars" not in metadata.seo_tags
    assert "beetle" not in metadata.seo_tags


def test_shades_of_one_color_are_merged() -> None:
    facts = ImageFacts(300, 200, ("green", "dark green", "light grey"))
    assert facts.palette == "green and light grey"
    assert compose([], [], facts).caption == "A scene in green and light grey tones."


def test_filename_candidates_add_tags_first_then_colors_and_format() -> None:
    metadata = compose([Caption("a tabby cat", 0.8)], [CAT, Tag("sofa", 0.8, "furniture")], BLUE_AND_WHITE)
    assert metadata.filename_candidates[:5] == (
        "tabby-cat", "tabby-cat-sofa", "tabby-cat-blue-tones", "tabby-cat-white-tones", "tabby-cat-wide-format",
    )  # fmt: skip
    assert "tabby-cat-sofa-wide-format" in metadata.filename_candidates


def test_filename_of_another_script_falls_back_to_image_facts() -> None:
    assert (
        compose([Caption("猫がテーブルに座っている", 0.9)], [], BLUE_AND_WHITE).filename
        == "scene-in-blue-and-white-tones"
    )
    assert compose([Caption("café crème on a table", 0.9)], [], BLUE_AND_WHITE).filename == "cafe-creme-on-table"


@pytest.mark.parametrize(
    ("caption", "other", "added"),
    [
        ("a cat on a wooden table", "a tabby cat looking at a ball", "The tabby cat is looking at a ball."),
        ("a dog running in grass", "a dog with a frisbee in its mouth", "The dog has a frisbee in its mouth."),
        ("two dogs in snow", "two dogs playing with a ball", "The two dogs are playing with a ball."),
        ("a cat on a couch", "a living room with a lamp", "The setting is a living room with a lamp."),
        ("a person riding a wave", "a surfer on a surfboard", "The surfer is on a surfboard."),
    ],
)
def test_second_caption_adds_to_the_description(caption: str, other: str, added: str) -> None:
    metadata = compose([Caption(caption, 0.9), Caption(other, 0.5)], [], BLUE_AND_WHITE)
    assert metadata.description.split(". ")[1] + "." == added
    assert added not in metadata.caption


@pytest.mark.parametrize(
    ("caption", "other"),
    [
        ("a cat on a couch", "a dog with a ball"),  # another subject
        ("a cat on a couch", "two cats with a ball"),  # another count
        ("a red bus on a street", "a blue bus on a street with cars"),  # another color
        ("a dog sitting on grass", "a dog standing next to a fence"),
        ("a street at night", "a street with trees on a sunny day"),
        ("a man with a hat", "a woman with a hat and a bag"),
        ("a plate of food", "a cat on a bed"),  # unrelated
        ("a cat on a bed", "a cat on a bed"),  # no addition
        ("a cat on a bed", "a cat"),
    ],
)
def test_second_caption_that_contradicts_or_adds_nothing_is_ignored(caption: str, other: str) -> None:
    for gender_neutral in (True, False):
        if gender_neutral and "woman" in other:
            continue  # Both become "person", which is no contradiction.
        alone = compose([Caption(caption, 0.9)], [], BLUE_AND_WHITE, neutral_people=gender_neutral)
        both = compose([Caption(caption, 0.9), Caption(other, 0.5)], [], BLUE_AND_WHITE, neutral_people=gender_neutral)
        assert both == alone


@pytest.mark.parametrize(
    ("caption", "tag"),
    [
        ("a group of elephants in a field", Tag("zebra", 0.7)),
        ("a beagle on a lawn", Tag("whippet", 0.6, "animal", "dog")),
        ("a blue car on a road", Tag("red car", 0.6)),
        ("a dog on a lawn", Tag("two dogs", 0.6)),
        ("a street at night", Tag("sunny day", 0.6)),
    ],
)
def test_contradicting_tag_is_dropped(caption: str, tag: Tag) -> None:
    metadata = compose([Caption(caption, 0.9)], [tag], BLUE_AND_WHITE)
    assert tag.text not in metadata.seo_tags


@pytest.mark.parametrize(
    ("caption", "tag"),
    [
        ("a bird on a branch", Tag("albatross", 0.7, "animal", "waterbird")),
        ("a dog on a lawn", Tag("beagle", 0.6, "animal", "dog")),
        ("a herd of sheep", Tag("hoofed animal", 0.7, "animal")),
        ("a person on a bench", Tag("dog", 0.7, "animal")),
    ],
)
def test_hyponym_or_other_subject_is_no_contradiction(caption: str, tag: Tag) -> None:
    assert tag.text in compose([Caption(caption, 0.9)], [tag], BLUE_AND_WHITE).seo_tags


def test_colors_are_stripped_from_captions_of_monochrome_images() -> None:
    facts = ImageFacts(512, 512, ("grey",), monochrome=True)
    metadata = compose([Caption("a blue and white boat on a red lake", 0.9)], [Tag("red boat", 0.6)], facts)
    assert metadata.caption == "A boat on a lake."
    assert not {"blue", "red", "red boat"} & set(metadata.seo_tags)


def test_measured_colors_do_not_contradict_the_caption() -> None:
    facts = ImageFacts(256, 256, ("yellow", "white"), backdrop="white")
    metadata = compose([Caption("a green t-shirt", 0.9)], [], facts)
    assert "yellow" not in f"{metadata.description} {metadata.seo_tags} {metadata.filename_candidates}"
    assert "yellow" in compose([Caption("a gold t-shirt", 0.9)], [], facts).description


def test_tag_of_the_caption_s_kind_is_not_listed_as_another_object() -> None:
    tags = [Tag("trolleybus", 0.9, "vehicle", "bus"), Tag("snowmobile", 0.8, "vehicle"), Tag("lamp", 0.8, "household")]
    metadata = compose([Caption("a red bus on a street", 0.9)], tags, BLUE_AND_WHITE)
    assert "It also shows a lamp." in metadata.description
    assert "trolleybus" not in metadata.description
    assert "snowmobile" not in metadata.description


def test_long_alt_is_truncated_at_a_clause_within_the_soft_limit() -> None:
    long = (
        "a room with a table and four chairs, a painting on the wall, a lamp in the corner, "
        "a rug on a floor and a window"
    )
    metadata = compose([Caption(f"{long} behind a very long curtain", 0.9)], [], BLUE_AND_WHITE)
    assert metadata.alt == long.capitalize()
    assert len(metadata.alt) <= 125 < len(metadata.caption)


def test_alt_does_not_mention_a_close_up() -> None:
    metadata = compose([Caption("a close up of a flower", 0.9)], [], BLUE_AND_WHITE)
    assert (metadata.alt, metadata.caption) == ("A flower", "A close-up of a flower.")


def test_caption_is_one_sentence_for_all_image_facts() -> None:
    for monochrome, light, backdrop, colors in product((True, False), ("", "dark"), ("", "white"), ((), ("red",))):
        facts = ImageFacts(300, 200, colors, monochrome, light, backdrop)
        for captions in ([], [Caption("an espresso", 0.9)]):
            metadata = compose(captions, [], facts)
            assert_within_limits(metadata)
            assert metadata.caption.count(".") == 1
