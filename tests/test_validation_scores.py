"""Scores of words on sets with labels (benchmarks/_validation_scores.py)."""

import json
from pathlib import Path

import pytest

from benchmarks._validation_scores import is_named, names_of, validation_scores

APPLE = {"image": "a.webp", "title": "Golden Delicious", "attributes": {"coarse": "Apple"}}


def test_a_grocery_has_a_coarse_name_too() -> None:
    assert names_of(APPLE) == ("golden delicious", "apple")


@pytest.mark.parametrize(
    ("label", "text", "named"),
    [
        ("hat", "A person in a hat", True),
        ("hat", "Two hats on a table", True),
        ("hat", "What a chat", False),
        ("water bottle", "A water bottle", True),
        ("water bottle", "A bottle", False),
    ],
)
def test_a_label_is_named_by_the_same_noun(label: str, text: str, named: bool) -> None:
    assert is_named({"label": label}, [text]) is named


def test_the_shares_are_of_all_images(tmp_path: Path) -> None:
    rows, words = tmp_path / "rows", tmp_path / "words"
    rows.write_text("\n".join(map(json.dumps, [APPLE, {"image": "b.webp", "label": "hat"}])))
    fields = [
        ("a.webp", {"alt": "An apple", "title": "Apple", "seoTags": []}),
        ("b.webp", {"alt": "A person", "title": "Person", "seoTags": ["hat"]}),
    ]
    words.write_text("\n".join(json.dumps({"path": path, "metadata": metadata}) for path, metadata in fields))

    assert validation_scores(rows, words) == {"label in the alt": 50.0, "label in alt, title or tags": 100.0}
