import csv
from pathlib import Path

import pytest

LABELS = Path(__file__).resolve().parents[3] / "workers" / "english" / "labels.tsv"
COLUMNS = ["index", "wnid", "name", "plural_or_mass", "kind", "parent"]
NUMBERS = {"count", "mass", "plural"}
KINDS = {
    *("animal", "plant", "food", "drink", "vehicle", "clothing", "accessory", "furniture"),
    *("appliance", "electronics", "instrument", "tool", "container", "sport", "toy", "building"),
    *("structure", "landscape", "household", "office", "weapon", "machine", "person", "material"),
    "other",
}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with LABELS.open(encoding="ascii", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        assert reader.fieldnames == COLUMNS
        return list(reader)


def test_rows_are_in_class_order(rows: list[dict[str, str]]) -> None:
    assert [row["index"] for row in rows] == [str(index) for index in range(1000)]
    wnids = [row["wnid"] for row in rows]
    assert wnids == sorted(set(wnids))
    assert (wnids[0], wnids[-1]) == ("n01440764", "n15075141")


def test_kinds_and_numbers_are_of_the_vocabulary(rows: list[dict[str, str]]) -> None:
    assert {row["kind"] for row in rows} == KINDS
    assert {row["plural_or_mass"] for row in rows} == NUMBERS
    assert 60 <= len({row["parent"] for row in rows}) <= 140


def test_names_are_short_phrases(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert 1 <= len(row["name"].split()) <= 4, row
        assert not set(row["name"]) & set(",()_/"), row
        assert row["parent"] == row["parent"].lower() != "", row
        assert all(value == " ".join(value.split()) for value in row.values()), row


def test_only_near_synonyms_share_a_name(rows: list[dict[str, str]]) -> None:
    names = [row["name"] for row in rows]
    shared = {name for name in names if names.count(name) > 1}
    assert shared == {"laptop", "sunglasses", "swimsuit", "tabby cat"}


@pytest.mark.parametrize(
    ("index", "name", "kind", "parent"),
    [
        (21, "kite bird", "animal", "bird of prey"),
        (97, "duck", "animal", "waterbird"),
        (134, "crane bird", "animal", "waterbird"),
        (207, "golden retriever", "animal", "dog"),
        (264, "Cardigan corgi", "animal", "dog"),
        (339, "brown horse", "animal", "horse"),
        (474, "cardigan", "clothing", "clothing"),
        (487, "mobile phone", "electronics", "phone"),
        (517, "construction crane", "machine", "machine"),
        (639, "swimsuit", "clothing", "swimwear"),
        (726, "woodworking plane", "tool", "tool"),
        (837, "sunglasses", "accessory", "fashion accessory"),
        (948, "apple", "food", "fruit"),
        (989, "rose hip", "plant", "fruit"),
        (999, "toilet paper", "household", "household item"),
    ],
)
def test_ambiguous_names_match_their_class(
    rows: list[dict[str, str]], index: int, name: str, kind: str, parent: str
) -> None:
    row = rows[index]
    assert (row["name"], row["kind"], row["parent"]) == (name, kind, parent)


def test_number_of_nouns_without_article(rows: list[dict[str, str]]) -> None:
    number = {row["name"]: row["plural_or_mass"] for row in rows}
    assert number["golden retriever"] == "count"
    assert {number[name] for name in ("guacamole", "toilet paper", "velvet")} == {"mass"}
    assert {number[name] for name in ("jeans", "sunglasses", "swim trunks")} == {"plural"}
