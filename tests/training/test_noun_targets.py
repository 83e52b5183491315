"""Nouns in the singular, wider nouns, and what the noun heads learn of a row."""

from pathlib import Path

import numpy as np
import pytest

from training.datasets.described import EvidenceRow
from training.datasets.noun_hierarchy import NounHierarchy, singular
from training.datasets.noun_targets import SparseTargets, build_vocabulary, hierarchy_of, nouns_of, wider_indices

SUBJECTS = [["daisy field", "meadow", "landscape"]] * 3 + [["meadow", "landscape"]] * 2 + [["landscape"]]


def row(**fields: object) -> EvidenceRow:
    values: dict[str, object] = {"path": Path("a.webp"), "subset": "coco", "share": 1.0, **fields}
    return EvidenceRow(**values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def hierarchy() -> NounHierarchy:
    return NounHierarchy(SUBJECTS, [[]] * len(SUBJECTS))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dogs", "dog"),
        ("Christmas-trees", "christmas tree"),
        ("two women", "two woman"),
        ("leaves", "leaf"),
        ("glass", "glass"),
        ("", ""),
    ],
)
def test_singular(name: str, expected: str) -> None:
    assert singular(name) == expected


def test_wider_nouns_come_from_the_tables(hierarchy: NounHierarchy) -> None:
    assert {"goldfish", "fish", "animal"} <= hierarchy.with_wider("goldfish")


def test_wider_nouns_come_from_later_names_of_subjects(hierarchy: NounHierarchy) -> None:
    # Over two steps, and by the last word of a name.
    assert {"meadow", "daisy field"} <= hierarchy.with_wider("daisy field")
    assert "daisy field" not in hierarchy.with_wider("meadow")
    assert {"dog", "animal"} <= hierarchy.with_wider("sleeping dog")


def test_wider_nouns_are_transitive(hierarchy: NounHierarchy) -> None:
    for noun in sorted(hierarchy.names)[::7]:
        for wider in hierarchy.with_wider(noun):
            assert hierarchy.with_wider(wider) <= hierarchy.with_wider(noun)


def test_the_longest_noun_at_a_place_is_mentioned(hierarchy: NounHierarchy) -> None:
    assert hierarchy.mentions("Two dogs on a daisy field.") == ["dog", "daisy field"]


@pytest.mark.parametrize("sentence", ['A sign "dogs" hangs.', "A sign “dogs” hangs."])
def test_a_quotation_mentions_nothing(hierarchy: NounHierarchy, sentence: str) -> None:
    assert "dog" not in hierarchy.mentions(sentence)


def test_a_description_tells_all_names_and_what_it_mentions(hierarchy: NounHierarchy) -> None:
    described = row(people=0, subject=("goldfish",), also=("trees",), captions=("A fish.", 'Two dogs, and "cat".'))
    nouns = nouns_of(described, hierarchy)
    assert {"goldfish", "fish", "animal"} <= nouns.main
    assert {"goldfish", "tree", "dog"} <= nouns.present.keys()
    assert "dog" not in nouns.main
    assert "cat" not in nouns.present


def test_a_noun_of_one_caption_of_many_is_half_sure(hierarchy: NounHierarchy) -> None:
    nouns = nouns_of(row(captions=("A dog on a chair.", "A dog.", "A dog and a cat.")), hierarchy)
    assert (nouns.present["dog"], nouns.present["chair"], nouns.present["cat"]) == (1.0, 0.5, 0.5)
    assert "dog" in nouns.main
    assert "cat" not in nouns.main


def test_a_label_is_a_main_noun(hierarchy: NounHierarchy) -> None:
    assert "fish" in nouns_of(row(subset="objects", label="goldfish"), hierarchy).main


def test_a_row_without_words_tells_no_nouns(hierarchy: NounHierarchy) -> None:
    assert nouns_of(row(subset="kinds"), hierarchy).present == {}


def test_the_vocabulary_has_nouns_of_seven_rows_in_a_fixed_order(hierarchy: NounHierarchy) -> None:
    rows = [row(captions=("A cat beside a dog.",))] * 7 + [row(captions=("A chair.",))] * 6
    rows += [row(subset="fashion", captions=("A shirt.",))] * 20
    vocabulary = build_vocabulary(rows, [nouns_of(one, hierarchy) for one in rows])
    assert {"cat", "dog", "animal"} <= set(vocabulary)
    assert "chair" not in vocabulary
    # Made captions count 0.3 each: twenty rows are six.
    assert "shirt" not in vocabulary
    assert vocabulary.index("cat") + 1 == vocabulary.index("dog")


def test_wider_indices_leave_out_the_noun_itself(hierarchy: NounHierarchy) -> None:
    assert wider_indices(["animal", "goldfish", "fish"], hierarchy) == [[], [0, 2], [0]]


def test_only_described_rows_teach_the_hierarchy() -> None:
    rows = [row(people=0, subject=("red zorb", "zorb")), row(people=0, subject=("red zorb", "zorb"))]
    rows += [row(people=0, subject=("zorb",))]
    assert "zorb" in hierarchy_of(rows).with_wider("red zorb")
    assert "zorb" in hierarchy_of(rows).names


def test_sparse_targets() -> None:
    targets = SparseTargets([{"cat": 0.5, "unknown": 1.0}, {}, {"dog": 1.0, "cat": 1.0}], ["dog", "cat"])
    assert targets.dense(np.array([2, 0, 1])).tolist() == [[1.0, 1.0], [0.0, 0.5], [0.0, 0.0]]
    assert targets.has_any.tolist() == [True, False, True]
    assert targets.frequencies().tolist() == [1.0, 1.5]
