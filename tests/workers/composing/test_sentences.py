"""A captioner's sentences against the evidence: which is chosen, what is cut off, how people are counted."""

from dataclasses import replace

import pytest

from tests.workers.composing.evidence_factory import evidence, noun
from workers.composing.drafts.sentence_people import number_of_people, with_supported_people
from workers.composing.drafts.sentence_support import supported_part
from workers.composing.metadata import ComposedMetadata, compose
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption
from workers.models.evidence import Evidence

FACTS = ImageFacts(1200, 800, ("blue", "white"))
PERSON, BENCH = noun("person", 0.6), noun("bench", 0.1, present=0.8)


def composed(found: Evidence, *captions: tuple[str, float]) -> ComposedMetadata:
    return compose([Caption(text, confidence) for text, confidence in captions], [], FACTS, evidence=found)


def people(*shares: float) -> Evidence:
    return replace(evidence("photo", PERSON, BENCH), people=shares)


def test_a_whole_sentence_is_preferred_to_the_part_of_a_more_confident_one() -> None:
    found = composed(
        evidence("photo", PERSON, BENCH, people=1),
        ("a person on a bench beside a clock", 0.9),
        ("a person sitting on a bench", 0.8),
    )

    assert found.alt == "A person sitting on a bench"


@pytest.mark.parametrize(("confidence", "alt"), [(0.9, "A dog beside a basket"), (0.3, "A dog")])
def test_a_confident_sentence_needs_less_evidence_for_each_thing(confidence: float, alt: str) -> None:
    found = evidence("photo", noun("dog"), noun("basket", 0.05, present=0.15))

    assert composed(found, ("a dog beside a basket", confidence)).alt == alt


def test_a_confident_sentence_may_be_about_another_thing_than_the_surest() -> None:
    found = evidence("photo", noun("room", 0.9), replace(PERSON, main=0.1, present=0.9), BENCH, people=1)

    assert composed(found, ("a person sitting on a bench", 0.8)).alt == "A person sitting on a bench"
    assert composed(found, ("a person sitting on a bench", 0.4)).alt == "A room"


def test_a_very_wide_noun_is_no_evidence_of_a_narrow_subject() -> None:
    found = evidence("photo", noun("food", 0.8), noun("fruit", 0.5, "food"))

    assert composed(found, ("a pile of sushi on a plate", 0.95)).alt == "A fruit"


def test_a_sentence_about_a_thing_with_little_evidence_is_not_used() -> None:
    found = evidence("photo", noun("lion", 0.7, "animal"), noun("dog", 0.1, "animal"))

    assert composed(found, ("a dog in the sun", 0.9)).alt == "A lion"


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((0.0, 0.7, 0.2, 0.1), "a person sitting on a bench"),
        ((0.0, 0.0, 0.1, 0.9), "a person sitting on a bench"),
        ((0.0, 0.1, 0.7, 0.2), "two people sitting on a bench"),
    ],
)
def test_a_number_of_people_that_may_be_right_is_kept(shares: tuple[float, ...], sentence: str) -> None:
    assert with_supported_people(sentence, people(*shares)) == sentence


def test_two_people_are_several_where_there_are_probably_more() -> None:
    found = people(0.0, 0.1, 0.2, 0.7)

    assert with_supported_people("two people sitting on a bench", found) == "people sitting on a bench"
    assert with_supported_people("two young people on two benches", found) == "young people on two benches"


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((0.0, 0.9, 0.05, 0.05), "two people sitting on a bench"),
        ((0.0, 0.9, 0.05, 0.05), "a group of people on a bench"),
    ],
)
def test_a_number_of_people_against_the_evidence_refuses_the_sentence(shares: tuple[float, ...], sentence: str) -> None:
    assert with_supported_people(sentence, people(*shares)) == ""


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("a little child on a bench", "a person on a bench"),
        ("an infant on a bench", "a person on a bench"),
        ("two young children on a bench", "two people on a bench"),
    ],
)
def test_a_child_without_evidence_is_a_person(sentence: str, expected: str) -> None:
    shares = (0.0, 0.1, 0.9, 0.0) if "two" in sentence else (0.0, 1.0, 0.0, 0.0)
    with_child = replace(people(*shares), nouns=(PERSON, noun("child", 0.2)))

    assert with_supported_people(sentence, people(*shares)) == expected
    assert with_supported_people(sentence, with_child) == sentence


@pytest.mark.parametrize(
    ("sentence", "number"),
    [("a person on a bench", 1), ("two people", 2), ("a couple on a bench", 3), ("people on a bench", 3), ("a dog", 0)],
)
def test_people_of_a_sentence_are_counted(sentence: str, number: int) -> None:
    assert number_of_people(sentence) == number


@pytest.mark.parametrize(
    ("sentence", "alt"),
    [
        ("a dog playing tennis", "A dog"),
        ("a dog playing with a clock", "A dog playing"),
        ("a dog holding a basket is standing on a clock", "A dog holding a basket"),
        ("a dog that is standing on a clock", "A dog standing"),
        ("a dog that is watching a clock", "A dog"),
        ("a dog holding a piece of bread", "A dog"),
        ("a basket standing on a basket", "A basket"),
        ("a dog standing beside a small pile of clocks", "A dog standing"),
        ("a dog beside a basket and white clock", "A dog beside a basket"),
        ("a dog in a building standing on a clock", "A dog in a building standing"),
    ],
)
def test_a_sentence_is_cut_before_a_verb_that_lost_its_object(sentence: str, alt: str) -> None:
    found = evidence("photo", noun("dog"), noun("basket", 0.1, present=0.8), noun("building", 0.1, present=0.8))

    assert composed(found, (sentence, 0.9)).alt == alt


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("a cat sitting on top of a tabby cat", "a cat sitting"),
        ("a cat beside another tabby cat", "a cat beside another tabby cat"),
        ("a dog beside a bench and a park bench", "a dog beside a bench"),
        ("a bench beside a bench", "a bench"),
    ],
)
def test_a_thing_is_named_once(sentence: str, part: str) -> None:
    assert supported_part(sentence, evidence("photo", noun("dog"), noun("cat"), BENCH), 0.1) == part


@pytest.mark.parametrize(
    ("sentence", "alt"),
    [
        ("a dog playing with a clock on the grass", "A dog playing on the grass"),
        ("a dog beside a clock in the grass", "A dog in the grass"),
        ("a dog with a clock on a beach", "A dog"),
        ("a dog with a clock on a basket", "A dog"),
        ("a dog with a clock on the grass near a clock", "A dog"),
    ],
)
def test_the_place_at_the_end_of_a_cut_sentence_stays(sentence: str, alt: str) -> None:
    found = evidence(
        "photo", noun("dog"), noun("basket", 0.1, present=0.8), noun("grass", 0.1, present=0.8), noun("beach", 0.01)
    )

    assert composed(found, (sentence, 0.9)).alt == alt


@pytest.mark.parametrize(
    "place", ["looking at the camera", "jumping in the air", "running with a basket in the background"]
)
def test_idioms_name_nothing_that_needs_evidence(place: str) -> None:
    found = evidence("photo", noun("dog"), noun("basket", 0.1, present=0.8))

    assert composed(found, (f"a dog {place}", 0.9)).alt == f"A dog {place}"


@pytest.mark.parametrize(("confidence", "alt"), [(0.8, "A person in a jacket sitting on a bench"), (0.3, "A person")])
def test_a_garment_needs_people_and_a_confident_sentence(confidence: float, alt: str) -> None:
    found = evidence("photo", PERSON, BENCH, people=1)

    assert composed(found, ("a person in a jacket sitting on a bench", confidence)).alt == alt
    hung = composed(evidence("photo", BENCH, noun("chair")), ("a chair beside a jacket", 0.9))
    assert hung.alt == "A chair"


def test_a_wider_noun_of_the_evidence_is_the_sentences_subject() -> None:
    found = evidence("photo", noun("vehicle", 0.7), noun("airplane", 0.1, "aircraft", "vehicle", present=0.4))

    assert composed(found, ("an airplane", 0.5)).alt == "An airplane"


def test_tags_are_things_and_activities_without_the_verbs_between_them() -> None:
    found = evidence("photo", noun("dog"), noun("ball", 0.1, present=0.8))

    assert composed(found, ("a dog catches a red ball", 0.9)).seo_tags[:2] == ("dog", "red ball")
    assert "running" in composed(found, ("a dog running with a ball", 0.9)).seo_tags
    assert "coming" not in composed(found, ("a dog coming with a ball", 0.9)).seo_tags


def test_the_captioners_confidence_counts_beside_the_evidence() -> None:
    found = evidence("photo", noun("dog", 0.5))

    sure, unsure = (composed(found, ("a dog", confidence)).confidence for confidence in (0.9, 0.3))
    assert sure > unsure
