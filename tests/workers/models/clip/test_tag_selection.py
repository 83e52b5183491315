"""Fits are scripted: whom CLIP would find in a picture is not the question here."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from workers.models.base import Tag
from workers.models.clip.tag_selection import hangs_on_rounding, named_in, tags_of
from workers.models.clip.vocabulary import own_terms, read_vocabulary

TERMS = read_vocabulary()
PLACES = {term.text: place for place, term in enumerate(TERMS)}


def crowd() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Mean 20, deviation 2, as CLIP has them, none beyond 2 deviations."""
    fits = 20 + 2 * np.sin(np.arange(len(TERMS))) * math.sqrt(2)
    return np.asarray(fits)


def tags(fits: Mapping[str, float], said: str = "", own: Mapping[str, float] = MappingProxyType({})) -> list[Tag]:
    """Of a picture to which the named terms (underscores for blanks) fit so well; the crowd ends at 25."""
    values = crowd()
    for text, fit in fits.items():
        values[PLACES[text.replace("_", " ")]] = fit
    terms = (*TERMS, *own_terms(own))
    return tags_of(terms, np.append(values, list(own.values())), shipped=len(TERMS), said=said)


def texts(fits: Mapping[str, float], said: str = "", own: Mapping[str, float] = MappingProxyType({})) -> list[str]:
    return [tag.text for tag in tags(fits, said, own)]


def test_tags_come_best_first() -> None:
    assert texts({"beach": 28, "pizza": 29, "laptop": 27.5}) == ["pizza", "beach", "laptop"]


def test_their_number_is_the_pictures_own() -> None:
    assert texts({}) == []
    assert texts({"beach": 29}) == ["beach"]
    many = {text: 29 - n / 100 for n, text in enumerate(["pizza", "beach", "laptop", "jeans", "umbrella", "fog"])}
    assert texts(many) == ["pizza", "beach", "laptop", "jeans", "umbrella", "fog"]


def test_what_is_much_less_likely_than_the_best_is_no_tag() -> None:
    assert texts({"pizza": 33, "beach": 30.5, "laptop": 29.5}) == ["pizza", "beach"]


def test_what_does_not_stand_out_of_the_crowd_is_no_tag() -> None:
    assert texts({"pizza": 24.5, "beach": 24}) == []


def test_a_picture_in_which_everything_fits_alike_has_no_tags() -> None:
    assert tags_of(TERMS, np.full(len(TERMS), 25.0), shipped=len(TERMS)) == []


def test_confidence_grows_with_the_fit_and_stays_within_its_limits() -> None:
    found = tags({"pizza": 29, "beach": 27, "laptop": 26.2})
    assert 1 > found[0].confidence > found[1].confidence > found[2].confidence > 0
    assert found[0].confidence > 0.9
    assert found[2].confidence == pytest.approx(0.5, abs=0.2)
    assert tags({"pizza": 10_000})[0].confidence <= 1


def test_a_tag_says_what_the_composed_words_need() -> None:
    [tag] = tags({"beagle": 29})
    assert (tag.kind, tag.parent, tag.number) == ("animal", "dog", "count")
    assert tags({"jeans": 29})[0].number == "plural"


@pytest.mark.parametrize(
    ("fits", "kept"),
    [
        ({"car": 28, "sports_car": 28.5}, [("sports car", "car")]),
        ({"car": 28.5, "sports_car": 28}, [("sports car", "car")]),
        ({"car": 28.5, "sports_car": 27}, [("car", "")]),
        ({"dog": 28, "beagle": 28.5}, [("beagle", "dog")]),
        ({"dog": 28, "beagle": 26.5}, [("dog", "")]),
        ({"car": 28, "sports_car": 28.5, "race_car": 28.2}, [("sports car", "car"), ("race car", "car")]),
        ({"lamp": 28.5, "table_lamp": 28, "desk_lamp": 27.9}, [("table lamp", "lamp"), ("desk lamp", "lamp")]),
        # Not what their last word says.
        ({"pig": 28.2, "guinea_pig": 28}, [("pig", ""), ("guinea pig", "")]),
        ({"dog": 28.2, "hot_dog": 28}, [("dog", ""), ("hot dog", "")]),
        ({"white": 28.2, "black_and_white": 28}, [("white", ""), ("black and white", "")]),
    ],
)
def test_of_a_thing_and_a_closer_name_of_it_one_is_a_tag(fits: dict[str, float], kept: list[tuple[str, str]]) -> None:
    assert [(tag.text, tag.parent) for tag in tags(fits)] == kept


@pytest.mark.parametrize(
    ("fits", "kept"),
    [
        ({"indoors": 28, "outdoors": 27.9}, ["indoors"]),
        ({"night": 28, "daylight": 27.5, "sunset": 27}, ["night"]),
        ({"summer": 28, "winter": 27.9}, ["summer"]),
        ({"red": 28, "blue": 27.9, "green": 27.8}, ["red", "blue"]),
        ({"beagle": 28, "pug": 27.9}, ["beagle"]),
        ({"night": 28, "outdoors": 27.9, "red": 27.8}, ["night", "outdoors", "red"]),
    ],
)
def test_tags_do_not_contradict_each_other(fits: dict[str, float], kept: list[str]) -> None:
    assert texts(fits) == kept


@pytest.mark.parametrize(
    ("said", "fits", "kept"),
    [
        # Taken for each other: the one that is much weaker goes ...
        ("a dog on a beach", {"dog": 28, "wolf": 26.5}, ["dog"]),
        ("a dog on a beach", {"dog": 26.5, "wolf": 28}, ["wolf", "dog"]),
        ("a dog and a cat", {"dog": 28, "cat": 26.5}, ["dog", "cat"]),
        ("", {"dog": 28, "wolf": 26.5}, ["dog"]),
        # ... and two that are nearly as likely may both be there.
        ("a dog on a beach", {"dog": 28, "cat": 27.5}, ["dog", "cat"]),
        ("a dog on a beach", {"dog": 28, "labrador_retriever": 26.9}, ["dog"]),
        ("two dogs", {"dog": 27.8, "beagle": 27.9}, ["beagle"]),
        # Of a pair of which one alone is possible, the caption's.
        ("a street at night", {"daylight": 28, "night": 27}, ["night"]),
        ("a street at night", {"daylight": 28}, []),
        ("a red car", {"blue": 28, "green": 27.9, "red": 27}, ["blue", "red"]),
        ("a red car in a field", {"blue": 28, "green": 27.9}, ["blue", "green"]),
        # A hot dog names no dog.
        ("a hot dog on a plate", {"hot_dog": 28, "cat": 27.9}, ["hot dog", "cat"]),
    ],
)
def test_tags_do_not_contradict_the_caption(said: str, fits: dict[str, float], kept: list[str]) -> None:
    assert texts(fits, said) == kept


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("two dogs and a cat", {"dog", "cat"}),
        ("a hot dog", {"hot dog"}),
        ("a sports car at sunset", {"sports car", "sunset"}),
        ("", set()),
        ("qwertz", set()),
    ],
)
def test_what_the_caption_names_is_heard(said: str, named: set[str]) -> None:
    assert named_in(said, TERMS) == named


def test_an_accounts_terms_are_judged_as_the_others() -> None:
    own = {"acme widget": 28.5, "acme crate": 21.0}
    assert texts({"pizza": 29, "beach": 28}, own=own) == ["pizza", "acme widget", "beach"]


def test_an_accounts_terms_change_no_other_tag() -> None:
    without = tags({"pizza": 29, "beach": 28})
    found = tags({"pizza": 29, "beach": 28}, own={"acme widget": 60.0})
    assert [tag for tag in found if tag.text != "acme widget"] == without


def test_an_accounts_term_that_is_shipped_too_is_one_tag() -> None:
    assert texts({"pizza": 29}, own={"pizzas": 28.9}) == ["pizza"]


def test_what_hangs_on_rounding_is_seen() -> None:
    def hangs(**fits: float) -> bool:
        values = crowd()
        for text, fit in fits.items():
            values[PLACES[text]] = fit
        return hangs_on_rounding(values, shipped=len(TERMS), rounding=1e-4)

    assert not hangs(pizza=29, beach=28.5, laptop=27)
    assert hangs(pizza=29, beach=28.50001, laptop=28.5)  # the order
    assert hangs(pizza=29, beach=26.00005)  # far from the best
    assert hangs(pizza=29, dog=28.50001, cat=27.5)  # a rival


def test_terms_that_fit_alike_keep_the_vocabularys_order() -> None:
    assert texts({"pizza": 28, "beach": 28, "laptop": 28}) == sorted(
        ["pizza", "beach", "laptop"], key=PLACES.__getitem__
    )
