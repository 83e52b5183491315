import numpy as np
import pytest

from workers.english.labels import read_labels
from workers.models.base import Tag
from workers.models.embedded.policy.concepts import ConceptMembership, read_concepts
from workers.models.embedded.policy.label_captions import (
    DOUBTFUL,
    MAX_WIDER_CONFIDENCE,
    MIN_EVIDENCE,
    captions_of,
    tags_of,
)

LABELS = read_labels()
MEMBERSHIP = ConceptMembership(LABELS)
NAMES = [label.name for label in LABELS]


def label_probabilities(**shares: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return (1000,) probabilities from label names with underscores for blanks."""
    probabilities = np.zeros(len(LABELS), dtype=np.float32)
    for name, share in shares.items():
        probabilities[NAMES.index(name.replace("_", " "))] = share
    return probabilities


def captions(**shares: float) -> list[str]:
    return [caption.text for caption in captions_of(MEMBERSHIP, label_probabilities(**shares))]


def tags_for(**shares: float) -> list[Tag]:
    return tags_of(MEMBERSHIP, label_probabilities(**shares))


def test_a_label_above_its_threshold_is_the_caption() -> None:
    assert captions(teapot=0.9) == ["a teapot"]
    assert captions(guacamole=0.9) == ["guacamole"]
    assert captions(sunglasses=0.9) == ["sunglasses"]


def test_below_all_thresholds_there_is_no_caption_and_no_tag() -> None:
    assert captions(teapot=0.2, bathtub=0.1, umbrella=0.1, wok=0.1) == []
    assert tags_for(teapot=0.2, bathtub=0.1, umbrella=0.1, wok=0.1) == []


def test_a_wider_word_is_the_caption_where_only_its_sum_is_above_the_threshold() -> None:
    assert captions(beagle=0.3, Siberian_husky=0.2, boxer_dog=0.1) == ["a dog"]
    assert captions(otter=0.2, beaver=0.2, mongoose=0.1) == ["a furry animal"]


def test_a_breed_has_a_higher_threshold_than_a_thing() -> None:
    assert captions(beagle=0.7) == ["a dog"]
    assert captions(beagle=0.9) == ["a beagle"]
    assert captions(umbrella=0.7) == ["an umbrella"]


def test_labels_with_the_same_name_are_summed() -> None:
    probabilities = np.zeros(len(LABELS), dtype=np.float32)
    probabilities[[index for index, name in enumerate(NAMES) if name == "laptop"]] = 0.35

    assert [caption.text for caption in captions_of(MEMBERSHIP, probabilities)] == ["a laptop"]


@pytest.mark.parametrize("name", sorted(DOUBTFUL))
def test_a_label_with_many_false_positives_has_a_higher_threshold(name: str) -> None:
    assert not any(name in text for text in captions(**{name: 0.8}))
    assert any(name in text for text in captions(**{name: 0.95}))


def test_two_things_of_different_kinds_are_joined() -> None:
    assert captions(Siamese_cat=0.5, laptop=0.45) == ["a laptop and a cat"]


def test_two_labels_of_one_kind_are_not_joined() -> None:
    assert captions(leopard=0.5, jaguar=0.45) == ["a big cat"]


def test_people_come_first_with_what_they_wear_or_use() -> None:
    assert captions(beagle=0.3, whippet=0.2, umbrella=0.2, suit=0.1) == ["a person and a dog"]
    assert captions(umbrella=0.5, suit=0.1) == ["a person with an umbrella"]
    assert captions(suit=0.5, necktie=0.2) == ["a person in a suit"]


def test_a_thing_alone_is_no_person() -> None:
    assert captions(umbrella=0.9) == ["an umbrella"]
    assert captions(rugby_ball=0.9) == ["a rugby ball"]


def test_a_thing_is_joined_with_its_setting_and_a_setting_may_be_alone() -> None:
    assert captions(beagle=0.45, seashore=0.42) == ["a dog by the sea"]
    assert captions(beagle=0.45, seashore=0.35) == ["a dog by the water"]
    assert captions(stove=0.15, microwave_oven=0.15) == ["a kitchen"]
    assert captions(lakeside=0.2, pier=0.1) == ["a scene by the water"]


def test_uniform_label_smoothing_adds_up_to_no_evidence() -> None:
    assert captions_of(MEMBERSHIP, np.full(1000, 0.001, dtype=np.float32)) == []


def test_a_tag_has_a_lower_threshold_than_a_caption() -> None:
    assert captions(pizza=0.19) == []
    assert [tag.text for tag in tags_for(pizza=0.19)] == ["food"]


def test_person_labels_never_name_a_profession() -> None:
    for name in (label.name for label in LABELS if label.kind == "person"):
        assert not any(word in text for text in captions(**{name: 0.9}) for word in ("groom", "player", "diver"))


def test_a_wider_word_is_a_tag_below_the_confidence_for_descriptions() -> None:
    tags = tags_for(beagle=0.95)

    assert tags[0].text == "beagle"
    assert {tag.text for tag in tags} >= {"beagle", "dog"}
    assert all(tag.confidence <= MAX_WIDER_CONFIDENCE for tag in tags[1:])


def test_confidence_grows_with_the_evidence() -> None:
    rising = [captions_of(MEMBERSHIP, label_probabilities(teapot=share))[0].confidence for share in (0.75, 0.85, 0.95)]

    assert rising == sorted(rising)
    assert 0.75 <= rising[0] < rising[-1] <= 1.0


def test_each_concept_covers_labels_and_each_kind_has_its_threshold() -> None:
    for concept in read_concepts():
        members = {
            member for label in LABELS for member in (label.name, f"parent:{label.parent}", f"kind:{label.kind}")
        }
        assert set(concept.members) <= members, concept.name
    assert {label.kind for label in LABELS} - {"person"} <= set(MIN_EVIDENCE)
