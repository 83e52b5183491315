import numpy as np
import pytest

from workers.english.labels import read_labels
from workers.models.base import Tag
from workers.models.embedded.concepts import ConceptMembership, read_concepts
from workers.models.embedded.label_tags import (
    DOUBTFUL,
    MAX_WIDER_CONFIDENCE,
    MIN_EVIDENCE,
    LabelTagger,
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


def names(**shares: float) -> list[str]:
    return [tag.text for tag in tags_for(**shares)]


def tags_for(**shares: float) -> list[Tag]:
    return tags_of(MEMBERSHIP, label_probabilities(**shares))


def test_below_all_thresholds_there_is_no_tag() -> None:
    assert tags_for(teapot=0.2, bathtub=0.1, umbrella=0.1, wok=0.1) == []


def test_a_wider_word_is_the_tag_where_only_its_sum_is_above_the_threshold() -> None:
    assert names(beagle=0.3, Siberian_husky=0.2, boxer_dog=0.1)[0] == "dog"
    assert names(otter=0.2, beaver=0.2, mongoose=0.1)[0] == "furry animal"


def test_a_breed_has_a_higher_threshold_than_a_thing() -> None:
    assert names(beagle=0.6)[0] == "dog"
    assert names(beagle=0.9)[0] == "beagle"
    assert names(umbrella=0.6)[0] == "umbrella"


def test_labels_with_the_same_name_are_summed() -> None:
    probabilities = np.zeros(len(LABELS), dtype=np.float32)
    probabilities[[index for index, name in enumerate(NAMES) if name == "laptop"]] = 0.35

    assert tags_of(MEMBERSHIP, probabilities)[0].text == "laptop"


@pytest.mark.parametrize("name", sorted(DOUBTFUL))
def test_a_label_with_many_false_positives_has_a_higher_threshold(name: str) -> None:
    assert not any(name in text for text in names(**{name: 0.7}))
    assert any(name in text for text in names(**{name: 0.95}))


def test_uniform_label_smoothing_adds_up_to_no_evidence() -> None:
    assert tags_of(MEMBERSHIP, np.full(1000, 0.001, dtype=np.float32)) == []


def test_person_labels_never_name_a_profession() -> None:
    for name in (label.name for label in LABELS if label.kind == "person"):
        assert not any(word in text for text in names(**{name: 0.9}) for word in ("groom", "player", "diver"))


def test_a_wider_word_is_a_tag_below_the_confidence_for_descriptions() -> None:
    tags = tags_for(beagle=0.95)

    assert tags[0].text == "beagle"
    assert {tag.text for tag in tags} >= {"beagle", "dog"}
    assert all(tag.confidence <= MAX_WIDER_CONFIDENCE for tag in tags[1:])


def test_confidence_grows_with_the_evidence() -> None:
    rising = [tags_for(teapot=share)[0].confidence for share in (0.75, 0.85, 0.95)]

    assert rising == sorted(rising)
    assert 0.75 <= rising[0] < rising[-1] <= 1.0


def test_each_concept_covers_labels_and_each_kind_has_its_threshold() -> None:
    for concept in read_concepts():
        members = {
            member for label in LABELS for member in (label.name, f"parent:{label.parent}", f"kind:{label.kind}")
        }
        assert set(concept.members) <= members, concept.name
    assert {label.kind for label in LABELS} - {"person"} <= set(MIN_EVIDENCE)


def test_a_confident_label_comes_first_and_detected_nouns_last() -> None:
    words = np.zeros(3, dtype=np.float32)
    words[[0, 2]] = 0.6, 0.8
    tags = LabelTagger(LABELS, ["grass", "running", "dogs"]).tags(label_probabilities(teapot=0.7), words)

    assert tags[0] == Tag("teapot", tags[0].confidence, "household", tags[0].parent)
    assert [(tag.text, tag.kind) for tag in tags[-2:]] == [("dog", ""), ("grass", "")]
