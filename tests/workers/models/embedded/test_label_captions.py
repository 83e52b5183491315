import numpy as np
import pytest

from workers.english.labels import read_labels
from workers.models.base import Tag
from workers.models.embedded.policy.concepts import Vocabulary, read_concepts
from workers.models.embedded.policy.label_captions import DOUBTFUL, SURE_LABEL, WIDER_WORD, captions_of, tags_of

LABELS = read_labels()
VOCABULARY = Vocabulary(LABELS)
NAMES = [label.name for label in LABELS]


def seen(**shares: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """The 1,000 probabilities where these names have these; underscores are blanks."""
    probabilities = np.zeros(len(LABELS), dtype=np.float32)
    for name, share in shares.items():
        probabilities[NAMES.index(name.replace("_", " "))] = share
    return probabilities


def told(**shares: float) -> list[str]:
    return [caption.text for caption in captions_of(VOCABULARY, seen(**shares))]


def tagged(**shares: float) -> list[Tag]:
    return tags_of(VOCABULARY, seen(**shares))


def test_a_sure_label_is_told() -> None:
    assert told(teapot=0.9) == ["a teapot"]
    assert told(guacamole=0.9) == ["guacamole"]
    assert told(sunglasses=0.9) == ["sunglasses"]


def test_where_nothing_is_sure_nothing_is_said() -> None:
    assert told(teapot=0.2, bathtub=0.1, umbrella=0.1, wok=0.1) == []
    assert tagged(teapot=0.2, bathtub=0.1, umbrella=0.1, wok=0.1) == []


def test_where_only_the_wider_word_is_sure_it_is_told() -> None:
    assert told(beagle=0.3, Siberian_husky=0.2, boxer_dog=0.1) == ["a dog"]
    assert told(otter=0.2, beaver=0.2, mongoose=0.1) == ["a furry animal"]


def test_a_breed_must_be_surer_than_a_thing() -> None:
    assert told(beagle=0.7) == ["a dog"]
    assert told(beagle=0.9) == ["a beagle"]
    assert told(umbrella=0.7) == ["an umbrella"]


def test_labels_that_share_a_name_are_one() -> None:
    probabilities = np.zeros(len(LABELS), dtype=np.float32)
    probabilities[[index for index, name in enumerate(NAMES) if name == "laptop"]] = 0.35

    assert [caption.text for caption in captions_of(VOCABULARY, probabilities)] == ["a laptop"]


@pytest.mark.parametrize("name", sorted(DOUBTFUL))
def test_a_label_that_often_fires_wrongly_must_be_very_sure(name: str) -> None:
    assert not any(name in text for text in told(**{name: 0.8}))
    assert any(name in text for text in told(**{name: 0.95}))


def test_two_things_of_different_kinds_are_told_together() -> None:
    assert told(Siamese_cat=0.5, laptop=0.45) == ["a laptop and a cat"]


def test_two_readings_of_one_thing_are_not() -> None:
    assert told(leopard=0.5, jaguar=0.45) == ["a big cat"]


def test_people_are_told_first_and_with_what_they_wear_or_use() -> None:
    assert told(beagle=0.3, whippet=0.2, umbrella=0.2, suit=0.1) == ["a person and a dog"]
    assert told(umbrella=0.5, suit=0.1) == ["a person with an umbrella"]
    assert told(suit=0.5, necktie=0.2) == ["a person in a suit"]


def test_a_thing_alone_is_no_person() -> None:
    assert told(umbrella=0.9) == ["an umbrella"]
    assert told(rugby_ball=0.9) == ["a rugby ball"]


def test_a_thing_is_told_in_its_setting_and_the_setting_alone_without_one() -> None:
    assert told(beagle=0.45, seashore=0.42) == ["a dog by the sea"]
    assert told(beagle=0.45, seashore=0.35) == ["a dog by the water"]
    assert told(stove=0.15, microwave_oven=0.15) == ["a kitchen"]
    assert told(lakeside=0.2, pier=0.1) == ["a scene by the water"]


def test_what_smoothing_spreads_over_all_labels_adds_up_to_nothing() -> None:
    assert captions_of(VOCABULARY, np.full(1000, 0.001, dtype=np.float32)) == []


def test_a_tag_may_be_a_little_less_sure_than_a_sentence() -> None:
    assert told(pizza=0.19) == []
    assert [tag.text for tag in tagged(pizza=0.19)] == ["food"]


def test_people_are_people_whatever_they_wear() -> None:
    for name in (label.name for label in LABELS if label.kind == "person"):
        assert not any(word in text for text in told(**{name: 0.9}) for word in ("groom", "player", "diver"))


def test_a_wider_word_is_a_tag_that_no_sentence_tells() -> None:
    tags = tagged(beagle=0.95)

    assert tags[0].text == "beagle"
    assert {tag.text for tag in tags} >= {"beagle", "dog"}
    assert all(tag.confidence <= WIDER_WORD for tag in tags[1:])


def test_confidence_grows_with_the_evidence() -> None:
    rising = [captions_of(VOCABULARY, seen(teapot=share))[0].confidence for share in (0.75, 0.85, 0.95)]

    assert rising == sorted(rising)
    assert 0.75 <= rising[0] < rising[-1] <= 1.0


def test_each_concept_covers_labels_and_each_kind_has_its_threshold() -> None:
    for concept in read_concepts():
        known = {member for label in LABELS for member in (label.name, f"parent:{label.parent}", f"kind:{label.kind}")}
        assert set(concept.members) <= known, concept.name
    assert {label.kind for label in LABELS} - {"person"} <= set(SURE_LABEL)
