"""The caption policy on probabilities written by hand."""

import numpy as np
import pytest

from workers.english.labels import read_labels
from workers.models.embedded.policy.caption_policy import CaptionPolicy, ImagePrediction

LABELS = read_labels()
CONTENT = ["building", "grass", "table", "dogs", "running", "boat", "man", "girl", "store"]
POLICY = CaptionPolicy(LABELS, CONTENT)


def prediction(
    sentence: str, confidence: float, labels: dict[str, float], words: dict[str, float] | None = None
) -> ImagePrediction:
    names = [label.name for label in LABELS]
    label_probabilities = np.full(1000, (1 - sum(labels.values())) / 1000, dtype=np.float32)
    for name, probability in labels.items():
        label_probabilities[names.index(name)] = probability
    word_probabilities = np.zeros(1000, dtype=np.float32)
    for word, probability in (words or {}).items():
        word_probabilities[CONTENT.index(word)] = probability
    return ImagePrediction(label_probabilities, word_probabilities, sentence, confidence)


def caption(*arguments: object) -> str:
    captions = POLICY.captions(prediction(*arguments))  # type: ignore[arg-type]
    return captions[0].text if captions else ""


def test_a_supported_sentence_keeps_its_confidence() -> None:
    captions = POLICY.captions(prediction("a man riding a wave", 0.62, {"swim trunks": 0.3}))
    assert [(one.text, one.confidence) for one in captions] == [("a man riding a wave", 0.62)]


def test_a_confident_label_replaces_a_sentence_about_another_thing() -> None:
    assert caption("a close up of a basset", 0.4, {"acoustic guitar": 0.9}) == "an acoustic guitar"


def test_a_sentence_of_low_confidence_falls_back_to_the_labels() -> None:
    assert caption("a man on a boat", 0.1, {"beagle": 0.25, "basset hound": 0.25}) == "a dog"
    assert caption("a man on a boat", 0.1, {}) == ""


@pytest.mark.parametrize("sentence", ["a brown and white dog is running in the snow", "a cat sitting on a table"])
def test_a_sentence_with_an_animal_that_no_label_supports_is_rejected(sentence: str) -> None:
    assert caption(sentence, 0.9, {"radio telescope": 0.2}) == ""


def test_an_animal_without_a_label_of_its_own_is_accepted() -> None:
    assert caption("a giraffe standing in a field", 0.9, {"impala": 0.3}) == "a giraffe standing in a field"


def test_an_animal_without_a_label_of_its_own_is_rejected_where_the_labels_are_of_birds() -> None:
    assert caption("a giraffe standing in a field", 0.9, {"ruffed grouse": 0.4, "partridge": 0.3}) == "a bird"


def test_a_sentence_without_an_animal_is_rejected_where_the_labels_are_of_an_animal() -> None:
    assert caption("a close up view of a wallet", 0.9, {"beagle": 0.4, "basset hound": 0.4}) == "a dog"


def test_an_undetected_setting_is_cut_off() -> None:
    sentence = "a wheelbarrow sitting on a table"
    assert caption(sentence, 0.9, {"wheelbarrow": 0.7}) == "a wheelbarrow"
    assert caption(sentence, 0.9, {"wheelbarrow": 0.7}, {"table": 0.4}) == sentence


def test_one_detected_word_supports_a_setting_of_two() -> None:
    sentence = "a pile of lemons in a grocery store"
    assert caption(sentence, 0.9, {"lemon": 0.4}, {"store": 0.8}) == sentence
    assert caption(sentence, 0.9, {"lemon": 0.4}) == "a pile of lemons"


def test_an_action_is_not_cut_off() -> None:
    sentence = "a dog is running through the grass"
    assert caption(sentence, 0.9, {"beagle": 0.4, "basset hound": 0.3}) == sentence


def test_a_confident_label_missing_from_the_sentence_becomes_a_tag() -> None:
    tags = POLICY.tags(prediction("a man in a blue shirt", 0.9, {"chainsaw": 0.55}))
    assert (tags[0].text, tags[0].confidence, tags[0].kind) == ("chainsaw", 0.55, "tool")


def test_detected_nouns_are_tags_in_the_singular_and_verbs_are_not() -> None:
    tags = POLICY.tags(prediction("two dogs", 0.9, {}, {"dogs": 0.8, "running": 0.9, "grass": 0.6, "boat": 0.4}))
    assert [(tag.text, tag.confidence) for tag in tags] == [("dog", 0.8), ("grass", 0.6)]


PEOPLE = {"man": 0.2, "girl": 0.3}


@pytest.mark.parametrize(
    ("sentence", "words", "expected"),
    [
        ("a man in a red shirt is jumping", PEOPLE, "a person"),
        ("a man in a red shirt is jumping", {"man": 0.6}, "a man"),
        ("an old man is sitting on a bench", {"man": 0.6}, "an old man"),
        ("a little girl is playing with a toy", PEOPLE, "a child"),
        ("a little girl is playing with a toy", {"man": 0.2, "girl": 0.2}, "a person"),
        ("two girls are playing with a toy", PEOPLE, "children"),
        ("two girls are playing with a toy", {"girl": 0.7}, "two girls"),
        ("a man and a woman are sitting in a room", PEOPLE, "people"),
        ("a group of people on a street", PEOPLE, "people"),
        ("a group of men on a street", {"man": 0.6}, "a group of men"),
        ("a man in a red shirt is jumping", {"man": 0.05}, ""),
        ("a close up of a fan", PEOPLE, ""),
    ],
)
def test_a_rejected_sentence_falls_back_to_its_people_if_the_detector_has_any(
    sentence: str, words: dict[str, float], expected: str
) -> None:
    assert caption(sentence, 0.2, {}, words) == expected


def test_people_are_joined_with_the_thing_and_the_setting_of_the_labels() -> None:
    assert (
        caption("a man on a building", 0.2, {"canoe": 0.4, "speedboat": 0.4}, PEOPLE)
        == "a person and a boat by the water"
    )
    assert caption("a man on a surfboard", 0.2, {"seashore": 0.5, "sandbar": 0.4}, PEOPLE) == "a person by the sea"


SOCKS = "a product photo of a pair of white socks"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, ""),
        ({"website screenshot": 0.4}, ""),
        ({"sock": 0.3}, SOCKS),
        ({"T-shirt": 0.01, "website screenshot": 0.3}, ""),
        ({"T-shirt": 0.06, "sweatshirt": 0.06, "website screenshot": 0.3}, SOCKS),
    ],
)
def test_clothing_that_no_clothing_label_supports_is_rejected(labels: dict[str, float], expected: str) -> None:
    assert caption(SOCKS, 0.95, labels) == expected


def test_a_single_thing_needs_a_label_or_a_detected_word() -> None:
    sentence = "a close up of a boat"
    assert caption(sentence, 0.9, {}, {"boat": 0.05}) == ""
    assert caption(sentence, 0.9, {}, {"boat": 0.2}) == sentence
    assert caption(sentence, 0.9, {"canoe": 0.25}) == sentence


def test_a_sentence_with_several_things_needs_no_evidence() -> None:
    assert caption("a boat next to a table", 0.9, {}) == "a boat next to a table"
    assert caption("a man in a boat", 0.9, {}) == "a man in a boat"
