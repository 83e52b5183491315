"""Tag selection from scripted logits, without CLIP."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from workers.models.base import Tag
from workers.models.clip.tag_selection import is_rounding_sensitive, select_tags, terms_in_caption
from workers.models.clip.vocabulary import account_terms, read_vocabulary

TERMS = read_vocabulary()
PLACES = {term.text: place for place, term in enumerate(TERMS)}


def background_logits() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Mean 20, standard deviation 2, as of CLIP, and none beyond two deviations."""
    logits = 20 + 2 * np.sin(np.arange(len(TERMS))) * math.sqrt(2)
    return np.asarray(logits)


def tags(logits: Mapping[str, float], caption: str = "", own: Mapping[str, float] = MappingProxyType({})) -> list[Tag]:
    """Select tags given the logits of some terms (underscores for spaces); a tag needs a logit of 25."""
    values = background_logits()
    for text, logit in logits.items():
        values[PLACES[text.replace("_", " ")]] = logit
    terms = (*TERMS, *account_terms(own))
    return select_tags(terms, np.append(values, list(own.values())), vocabulary_size=len(TERMS), caption=caption)


def texts(logits: Mapping[str, float], caption: str = "", own: Mapping[str, float] = MappingProxyType({})) -> list[str]:
    return [tag.text for tag in tags(logits, caption, own)]


def test_tags_are_sorted_best_first() -> None:
    assert texts({"beach": 28, "pizza": 29, "laptop": 27.5}) == ["pizza", "beach", "laptop"]


def test_the_number_of_tags_depends_on_the_image() -> None:
    assert texts({}) == []
    assert texts({"beach": 29}) == ["beach"]
    many = {text: 29 - n / 100 for n, text in enumerate(["pizza", "beach", "laptop", "jeans", "umbrella", "fog"])}
    assert texts(many) == ["pizza", "beach", "laptop", "jeans", "umbrella", "fog"]


def test_a_term_far_below_the_best_is_no_tag() -> None:
    assert texts({"pizza": 33, "beach": 30.5, "laptop": 29.5}) == ["pizza", "beach"]


def test_a_term_near_the_mean_is_no_tag() -> None:
    assert texts({"pizza": 24.5, "beach": 24}) == []


def test_equal_logits_select_no_tags() -> None:
    assert select_tags(TERMS, np.full(len(TERMS), 25.0), vocabulary_size=len(TERMS)) == []


def test_confidence_grows_with_the_logit_within_0_and_1() -> None:
    found = tags({"pizza": 29, "beach": 27, "laptop": 26.2})
    assert 1 > found[0].confidence > found[1].confidence > found[2].confidence > 0
    assert found[0].confidence > 0.9
    assert found[2].confidence == pytest.approx(0.5, abs=0.2)
    assert tags({"pizza": 10_000})[0].confidence <= 1


def test_a_tag_has_kind_parent_and_number_of_its_term() -> None:
    [tag] = tags({"beagle": 29})
    assert (tag.kind, tag.parent, tag.number) == ("animal", "dog", "count")
    assert tags({"jeans": 29})[0].number == "plural"


@pytest.mark.parametrize(
    ("logits", "kept"),
    [
        ({"car": 28, "sports_car": 28.5}, [("sports car", "car")]),
        ({"car": 28.5, "sports_car": 28}, [("sports car", "car")]),
        ({"car": 28.5, "sports_car": 27}, [("car", "")]),
        ({"dog": 28, "beagle": 28.5}, [("beagle", "dog")]),
        ({"dog": 28, "beagle": 26.5}, [("dog", "")]),
        ({"car": 28, "sports_car": 28.5, "race_car": 28.2}, [("sports car", "car"), ("race car", "car")]),
        ({"lamp": 28.5, "table_lamp": 28, "desk_lamp": 27.9}, [("table lamp", "lamp"), ("desk lamp", "lamp")]),
        # Not a kind of their last word.
        ({"pig": 28.2, "guinea_pig": 28}, [("pig", ""), ("guinea pig", "")]),
        ({"dog": 28.2, "hot_dog": 28}, [("dog", ""), ("hot dog", "")]),
        ({"white": 28.2, "black_and_white": 28}, [("white", ""), ("black and white", "")]),
    ],
)
def test_of_a_term_and_its_parent_one_is_a_tag(logits: dict[str, float], kept: list[tuple[str, str]]) -> None:
    assert [(tag.text, tag.parent) for tag in tags(logits)] == kept


@pytest.mark.parametrize(
    ("logits", "kept"),
    [
        ({"indoors": 28, "outdoors": 27.9}, ["indoors"]),
        ({"night": 28, "daylight": 27.5, "sunset": 27}, ["night"]),
        ({"summer": 28, "winter": 27.9}, ["summer"]),
        ({"red": 28, "blue": 27.9, "green": 27.8}, ["red", "blue"]),
        ({"beagle": 28, "pug": 27.9}, ["beagle"]),
        ({"night": 28, "outdoors": 27.9, "red": 27.8}, ["night", "outdoors", "red"]),
    ],
)
def test_tags_do_not_contradict_each_other(logits: dict[str, float], kept: list[str]) -> None:
    assert texts(logits) == kept


@pytest.mark.parametrize(
    ("caption", "logits", "kept"),
    [
        # Of two rivals the much weaker one is dropped ...
        ("a dog on a beach", {"dog": 28, "wolf": 26.5}, ["dog"]),
        ("a dog on a beach", {"dog": 26.5, "wolf": 28}, ["wolf", "dog"]),
        ("a dog and a cat", {"dog": 28, "cat": 26.5}, ["dog", "cat"]),
        ("", {"dog": 28, "wolf": 26.5}, ["dog"]),
        # ... and two that are nearly as likely may both stay.
        ("a dog on a beach", {"dog": 28, "cat": 27.5}, ["dog", "cat"]),
        ("a dog on a beach", {"dog": 28, "labrador_retriever": 26.9}, ["dog"]),
        ("two dogs", {"dog": 27.8, "beagle": 27.9}, ["beagle"]),
        # Of a group limited to one, the term in the caption.
        ("a street at night", {"daylight": 28, "night": 27}, ["night"]),
        ("a street at night", {"daylight": 28}, []),
        ("a red car", {"blue": 28, "green": 27.9, "red": 27}, ["blue", "red"]),
        ("a red car in a field", {"blue": 28, "green": 27.9}, ["blue", "green"]),
        # "hot dog" does not contain "dog".
        ("a hot dog on a plate", {"hot_dog": 28, "cat": 27.9}, ["hot dog", "cat"]),
    ],
)
def test_tags_do_not_contradict_the_caption(caption: str, logits: dict[str, float], kept: list[str]) -> None:
    assert texts(logits, caption) == kept


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("two dogs and a cat", {"dog", "cat"}),
        ("a hot dog", {"hot dog"}),
        ("a sports car at sunset", {"sports car", "sunset"}),
        ("", set()),
        ("qwertz", set()),
    ],
)
def test_terms_are_found_in_the_caption(caption: str, found: set[str]) -> None:
    assert terms_in_caption(caption, TERMS) == found


def test_an_account_s_terms_are_selected_by_the_same_thresholds() -> None:
    own = {"acme widget": 28.5, "acme crate": 21.0}
    assert texts({"pizza": 29, "beach": 28}, own=own) == ["pizza", "acme widget", "beach"]


def test_an_account_s_terms_do_not_change_other_tags() -> None:
    without = tags({"pizza": 29, "beach": 28})
    found = tags({"pizza": 29, "beach": 28}, own={"acme widget": 60.0})
    assert [tag for tag in found if tag.text != "acme widget"] == without


def test_an_account_s_term_that_is_in_the_vocabulary_is_one_tag() -> None:
    assert texts({"pizza": 29}, own={"pizzas": 28.9}) == ["pizza"]


def test_rounding_sensitivity_is_detected() -> None:
    def is_sensitive(**logits: float) -> bool:
        values = background_logits()
        for text, logit in logits.items():
            values[PLACES[text]] = logit
        return is_rounding_sensitive(values, vocabulary_size=len(TERMS), rounding=1e-4)

    assert not is_sensitive(pizza=29, beach=28.5, laptop=27)
    assert is_sensitive(pizza=29, beach=28.50001, laptop=28.5)  # the order
    assert is_sensitive(pizza=29, beach=26.00005)  # far from the best
    assert is_sensitive(pizza=29, dog=28.50001, cat=27.5)  # a rival


def test_equal_logits_keep_the_vocabulary_s_order() -> None:
    assert texts({"pizza": 28, "beach": 28, "laptop": 28}) == sorted(
        ["pizza", "beach", "laptop"], key=PLACES.__getitem__
    )
