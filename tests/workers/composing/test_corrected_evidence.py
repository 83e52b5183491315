"""Labels of the classifier and text that was read correct the evidence of the heads."""

import pytest

from tests.workers.composing.evidence_factory import evidence, lines, noun
from workers.composing.metadata import ComposedMetadata, compose
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.models.evidence import KINDS, Evidence

FACTS = ImageFacts(1200, 800, ("blue", "white"))


def composed(found: Evidence, *tags: Tag, captions: list[Caption] | None = None) -> ComposedMetadata:
    return compose(captions or [], tags, FACTS, evidence=found)


def test_people_are_not_taken_for_an_animal_by_a_classifier_without_people() -> None:
    animal = Tag("animal", 0.74, "animal")

    assert composed(evidence("photo", noun("person", 0.5), people=1), animal).alt == "A person"
    assert composed(evidence("photo"), animal).alt == "An animal"


def test_a_species_beside_people_is_still_the_main_thing() -> None:
    dog = Tag("Leonberger dog", 0.8, "animal", "dog")

    assert composed(evidence("photo", noun("person", 0.4), people=1), dog).alt == "A Leonberger dog"


def test_a_species_is_narrower_than_the_bird_it_is() -> None:
    tags = [Tag("owl", 0.66, "animal", "bird of prey"), Tag("bird", 0.74, "animal"), Tag("animal", 0.74, "animal")]

    assert compose([], tags, FACTS, evidence=evidence("photo"), lines=()).alt == "An owl"


def test_a_wide_label_alone_is_no_evidence_where_heads_see_something_else() -> None:
    animal, cat = Tag("animal", 0.74, "animal"), Tag("cat", 0.8, "animal")
    flower = evidence("photo", noun("flower", 0.5))

    assert compose([], [animal], FACTS, evidence=flower, lines=()).alt == "A flower"
    assert compose([], [cat, animal], FACTS, evidence=flower, lines=()).alt == "A cat"
    assert compose([], [animal], FACTS, evidence=evidence("photo"), lines=()).alt == "An animal"


def test_a_confident_label_is_a_tag_where_the_phrase_has_a_wider_word() -> None:
    bird = evidence("photo", noun("bird"))

    assert "albatross" in composed(bird, Tag("albatross", 0.52, "animal", "waterbird")).seo_tags
    assert "albatross" not in composed(bird, Tag("albatross", 0.4, "animal", "waterbird")).seo_tags
    assert "interior" not in composed(bird, Tag("interior", 0.8, "building")).seo_tags


def test_colors_are_no_tags_where_nothing_is_named() -> None:
    found = composed(evidence("photo"))

    assert found.alt == "A scene in blue and white tones"
    assert not [tag for tag in found.seo_tags if "blue" in tag or "tones" in tag]


@pytest.mark.parametrize("kind", ["render", "pencil drawing", "meme", "watercolour"])
def test_a_photograph_is_not_described_as_another_kind(kind: str) -> None:
    sentence = [Caption(f"a {kind} of a ball on a table", 0.9)]
    ball, table = noun("ball", 0.9), noun("table", 0.1, present=0.8)

    assert composed(evidence("photo", ball, table), captions=sentence).alt == "A ball"
    assert composed(evidence("photo"), captions=sentence).alt.startswith("A scene in")


def kinds(**probabilities: float) -> Evidence:
    return Evidence(kinds=tuple(probabilities.get(kind, 0.0) for kind in KINDS))


@pytest.mark.parametrize(("height", "kind"), [(0.12, "poster"), (0.05, "screenshot")])
def test_large_text_is_a_posters(height: float, kind: str) -> None:
    found = kinds(screenshot=0.7, poster=0.3)

    assert compose([], [], FACTS, evidence=found, lines=lines("SALE", height=height)).kind == kind


def test_the_height_of_text_is_a_share_of_the_longer_side() -> None:
    found, banner = kinds(screenshot=0.7, poster=0.3), ImageFacts(1200, 300, ("blue",))

    assert compose([], [], banner, evidence=found, lines=lines("Settings", height=0.12)).kind == "screenshot"


def test_a_sure_screenshot_stays_one_whatever_its_text() -> None:
    found = kinds(screenshot=0.97, poster=0.03)

    assert compose([], [], FACTS, evidence=found, lines=lines("SALE", height=0.12)).kind == "screenshot"


def test_a_map_without_text_is_rather_another_picture() -> None:
    found = kinds(map=0.6, render=0.4)

    assert compose([], [], FACTS, evidence=found, lines=[]).kind == "render"
    assert compose([], [], FACTS, evidence=found, lines=lines("North Sea", height=0.02)).kind == "map"
    assert compose([], [], FACTS, evidence=found).kind == "map"  # no text was looked for


def test_a_sure_map_needs_no_text() -> None:
    assert compose([], [], FACTS, evidence=kinds(map=0.9, render=0.1), lines=[]).kind == "map"


@pytest.mark.parametrize(("main", "alt"), [(0.1, "A scene in blue and white tones"), (0.3, "A tomato")])
def test_a_photographs_thing_without_evidence_is_not_named(main: float, alt: str) -> None:
    found = evidence("photo", noun("tomato", main, present=0.7))

    assert compose([], [], FACTS, evidence=found).alt == alt


@pytest.mark.parametrize(("name", "alt"), [("suv", "An SUV"), ("t shirt", "A T-shirt"), ("tv", "A TV")])
def test_initialisms_are_written_in_capitals(name: str, alt: str) -> None:
    assert composed(evidence("photo", noun(name))).alt == alt


def test_an_initialism_of_a_sentence_is_written_in_capitals() -> None:
    sentence = [Caption("a person watching tv beside a dog", 0.9)]
    things = [noun("person"), noun("tv", 0.1, present=0.9), noun("dog", 0.1, present=0.9)]

    assert composed(evidence("photo", *things, people=1), captions=sentence).alt == "A person watching TV beside a dog"
