"""Who gives way to whom, with probabilities written by hand."""

import numpy as np
import pytest

from workers.english.labels import read_labels
from workers.models.embedded.policy.caption_policy import Seen, Teller

LABELS = read_labels()
CONTENT = ["building", "grass", "table", "dogs", "running", "boat", "man", "girl", "store"]
TELLER = Teller(LABELS, CONTENT)


def seen(sentence: str, confidence: float, labels: dict[str, float], words: dict[str, float] | None = None) -> Seen:
    names = [label.name for label in LABELS]
    row = np.full(1000, (1 - sum(labels.values())) / 1000, dtype=np.float32)
    for name, probability in labels.items():
        row[names.index(name)] = probability
    told = np.zeros(1000, dtype=np.float32)
    for word, probability in (words or {}).items():
        told[CONTENT.index(word)] = probability
    return Seen(row, told, sentence, confidence)


def caption(*what: object) -> str:
    told = TELLER.captions(seen(*what))  # type: ignore[arg-type]
    return told[0].text if told else ""


def test_a_believed_sentence_is_told_with_its_confidence() -> None:
    told = TELLER.captions(seen("a man riding a wave", 0.62, {"swim trunks": 0.3}))
    assert [(one.text, one.confidence) for one in told] == [("a man riding a wave", 0.62)]


def test_a_sure_label_wins_against_a_sentence_about_another_thing() -> None:
    assert caption("a close up of a basset", 0.4, {"acoustic guitar": 0.9}) == "an acoustic guitar"


def test_a_doubtful_sentence_gives_way_to_what_the_labels_say_together() -> None:
    assert caption("a man on a boat", 0.1, {"beagle": 0.25, "basset hound": 0.25}) == "a dog"
    assert caption("a man on a boat", 0.1, {}) == ""


@pytest.mark.parametrize("sentence", ["a brown and white dog is running in the snow", "a cat sitting on a table"])
def test_an_animal_that_no_label_sees_is_not_told(sentence: str) -> None:
    assert caption(sentence, 0.9, {"radio telescope": 0.2}) == ""


def test_an_animal_without_a_label_of_its_own_may_be_told() -> None:
    assert caption("a giraffe standing in a field", 0.9, {"impala": 0.3}) == "a giraffe standing in a field"


def test_an_animal_without_a_label_of_its_own_is_not_told_where_the_labels_see_a_bird() -> None:
    assert caption("a giraffe standing in a field", 0.9, {"ruffed grouse": 0.4, "partridge": 0.3}) == "a bird"


def test_where_the_labels_are_sure_of_an_animal_a_sentence_without_one_is_not_told() -> None:
    assert caption("a close up view of a wallet", 0.9, {"beagle": 0.4, "basset hound": 0.4}) == "a dog"


def test_a_setting_that_nobody_sees_is_cut_off() -> None:
    sentence = "a wheelbarrow sitting on a table"
    assert caption(sentence, 0.9, {"wheelbarrow": 0.7}) == "a wheelbarrow"
    assert caption(sentence, 0.9, {"wheelbarrow": 0.7}, {"table": 0.4}) == sentence


def test_of_a_setting_of_two_words_one_is_enough() -> None:
    sentence = "a pile of lemons in a grocery store"
    assert caption(sentence, 0.9, {"lemon": 0.4}, {"store": 0.8}) == sentence
    assert caption(sentence, 0.9, {"lemon": 0.4}) == "a pile of lemons"


def test_what_a_thing_does_is_not_cut_off() -> None:
    sentence = "a dog is running through the grass"
    assert caption(sentence, 0.9, {"beagle": 0.4, "basset hound": 0.3}) == sentence


def test_a_sure_label_that_the_sentence_left_out_is_a_tag() -> None:
    told = TELLER.tags(seen("a man in a blue shirt", 0.9, {"chainsaw": 0.55}))
    assert (told[0].text, told[0].confidence, told[0].kind) == ("chainsaw", 0.55, "tool")


def test_detected_nouns_are_tags_in_the_singular_and_verbs_are_not() -> None:
    told = TELLER.tags(seen("two dogs", 0.9, {}, {"dogs": 0.8, "running": 0.9, "grass": 0.6, "boat": 0.4}))
    assert [(tag.text, tag.confidence) for tag in told] == [("dog", 0.8), ("grass", 0.6)]


PEOPLE = {"man": 0.2, "girl": 0.3}


@pytest.mark.parametrize(
    ("sentence", "words", "told"),
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
def test_of_a_doubtful_sentence_the_people_are_told_if_the_detector_sees_any(
    sentence: str, words: dict[str, float], told: str
) -> None:
    assert caption(sentence, 0.2, {}, words) == told


def test_people_are_told_beside_what_the_labels_name_and_where() -> None:
    assert (
        caption("a man on a building", 0.2, {"canoe": 0.4, "speedboat": 0.4}, PEOPLE)
        == "a person and a boat by the water"
    )
    assert caption("a man on a surfboard", 0.2, {"seashore": 0.5, "sandbar": 0.4}, PEOPLE) == "a person by the sea"


SOCKS = "a product photo of a pair of white socks"


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({}, ""),
        ({"website screenshot": 0.4}, ""),
        ({"sock": 0.3}, SOCKS),
        ({"T-shirt": 0.01, "website screenshot": 0.3}, ""),
        ({"T-shirt": 0.06, "sweatshirt": 0.06, "website screenshot": 0.3}, SOCKS),
    ],
)
def test_goods_that_no_label_for_things_to_wear_has_seen_are_not_told(labels: dict[str, float], told: str) -> None:
    assert caption(SOCKS, 0.95, labels) == told


def test_one_thing_alone_must_have_been_seen_by_a_label_or_the_detector() -> None:
    sentence = "a close up of a boat"
    assert caption(sentence, 0.9, {}, {"boat": 0.05}) == ""
    assert caption(sentence, 0.9, {}, {"boat": 0.2}) == sentence
    assert caption(sentence, 0.9, {"canoe": 0.25}) == sentence


def test_of_several_things_the_sentence_is_believed() -> None:
    assert caption("a boat next to a table", 0.9, {}) == "a boat next to a table"
    assert caption("a man in a boat", 0.9, {}) == "a man in a boat"
