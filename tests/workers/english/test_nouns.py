import csv
import re
from pathlib import Path

import pytest

from workers.english.labels import read_labels
from workers.english.nouns import LABEL_NAMES_FILE, NOUNS_FILE, Lexicon, read_label_names, read_nouns

LABELS = read_labels()
LEXICON = Lexicon(LABELS)
NEW_KINDS = {"person", "place", "part", "group", "event"}
NEW_PARENTS = {
    *("area", "field", "porch", "ramp", "room", "street", "water facility", "ground", "sky", "water", "tree"),
    *("person", "body", "thing", "group", "picture", "event", "game", "trick", "animal", "art", "material", "other"),
}


def subject(sentence: str) -> str:
    return next((thing.noun.text for thing in LEXICON.read(sentence).things), "")


def found(sentence: str) -> list[str]:
    return [mention.noun.text for mention in LEXICON.read(sentence).mentions]


@pytest.mark.parametrize(
    ("sentence", "noun"),
    [
        ("a close up of a dog", "dog"),
        ("a couple of dogs on a couch", "dog"),
        ("a couple sits on a couch", "couple"),
        ("a group of people", "person"),
        ("two hot dogs on a bun", "hot dog"),
        ("three women with umbrellas", "woman"),
        ("a bowl of soup", "soup"),
        ("a black and white photo of a train", "train"),
        ("a product photo of a pair of blue jeans", "jeans"),
        ("a dog toy on the floor", "dog toy"),
        ("a light brown dog", "dog"),
        ("an orange and white cat", "cat"),
        ("an orange and a banana", "orange"),
        ("a close up of a dog's face", "dog"),
        ("a black men's t-shirt", "t shirt"),
        ("the side of a mountain", "mountain"),
        ("a man surfs a wave", "man"),
        ("a plane flies in the sky", "plane"),
        ("a dog jumps over a fence", "dog"),
        ("people watch a parade", "person"),
        ("a fire hydrant on a sidewalk", "fire hydrant"),
        ("sheep graze on a hill", "sheep"),
        ("running fast", ""),
    ],
)
def test_subject_is_the_first_noun_depicted(sentence: str, noun: str) -> None:
    assert subject(sentence) == noun


def test_ambiguous_nouns_after_a_verb_are_nouns() -> None:
    assert [thing.noun.text for thing in LEXICON.read("a man wearing watches and flying kites").things] == [
        "man", "watch", "kite",
    ]  # fmt: skip


def test_every_word_of_a_label_is_found() -> None:
    for word in {word for label in LABELS for word in LEXICON.words_of(label).all}:
        assert word in found(f"a {word} on a table"), word
    for label in LABELS:
        assert LEXICON.words_of(label).synonyms & set(found(f"a {label.name}")), label


def test_tables_have_no_duplicates_and_no_unknown_labels() -> None:
    nouns, names = read_nouns(), read_label_names()
    parents, kinds = {label.parent for label in LABELS}, {label.kind for label in LABELS}
    known = {key for label in LABELS for key in (label.name, f"parent:{label.parent}", f"kind:{label.kind}")}

    assert len({noun.text for noun in nouns}) == len(nouns) > 1000
    assert {noun.kind for noun in nouns} <= kinds | NEW_KINDS
    assert names.keys() <= known
    assert not [key for key, words in names.items() if words.synonyms & words.hypernyms]
    of_name = {label.name.lower(): (label.kind, label.parent) for label in LABELS}
    for noun in nouns:
        if noun.kind != "person":
            assert of_name.get(noun.text, (noun.kind, noun.parent)) == (noun.kind, noun.parent), noun
        assert noun.parent in parents | NEW_PARENTS, noun


@pytest.mark.parametrize("path", [NOUNS_FILE, LABEL_NAMES_FILE])
def test_tables_have_valid_fields(path: Path) -> None:
    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len({tuple(row[:2]) for row in rows}) == len(rows)
    for row in rows[1:]:
        assert len(row) == len(rows[0]), row
        assert all(re.fullmatch(r"[A-Za-z0-9'][A-Za-z0-9' ;:-]*", field) for field in row), row
        assert row[1] in {"noun", "noun or verb", "same", "wider"}, row
