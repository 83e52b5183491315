"""Rows of described images and caption sets, and the licenses of the commercial variant."""

import json
from pathlib import Path

import pytest

from tests.training.conftest import described_row
from training.datasets.described import (
    CAPTION_SETS,
    DESCRIBED_SHARE,
    EvidenceRow,
    is_permissive,
    read_caption_sets,
    read_described,
)


def write(path: Path, **changes: object) -> Path:
    path.write_text(json.dumps({**described_row("a.webp", "red", 0), **changes}) + "\n", encoding="utf-8")
    return path


def test_a_described_row(tmp_path: Path) -> None:
    (row,) = read_described(write(tmp_path / "rows.jsonl"), tmp_path / "img", "described-0")
    assert row.path == tmp_path / "img" / "a.webp"
    assert (row.kind, row.kind_weight, row.share, row.text) == ("drawing", 1.0, DESCRIBED_SHARE, "SALE")
    # The last class is three or more.
    assert row.people == 3
    assert row.is_described


@pytest.mark.parametrize("changes", [{"kind": "photograph"}, {"people": -1}])
def test_an_unknown_value_is_an_error_naming_the_line(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rows\.jsonl:1: kind"):
        read_described(write(tmp_path / "rows.jsonl", **changes), tmp_path, "described-0")


def test_caption_sets_tell_neither_people_nor_text(data: Path) -> None:
    rows = read_caption_sets(data, data / "images")
    assert {row.subset for row in rows} == set(CAPTION_SETS)
    assert not any(row.is_described or row.text for row in rows)
    first = {row.subset: row for row in reversed(rows)}
    assert (first["kinds"].kind, first["kinds"].label) == ("logo", "")
    assert first["coco"].kind == "photo"
    assert (first["openstax"].kind, first["openstax"].kind_weight) == ("", 0.0)


def test_a_receipt_among_the_classes_is_a_document(data: Path, tmp_path: Path) -> None:
    for name in CAPTION_SETS:
        (tmp_path / f"{name}-train.jsonl").touch()
    receipt = {"image": "receipt.avif", "label": "shop receipt", "label_kind": "document"}
    (tmp_path / "classes-train.jsonl").write_text(json.dumps(receipt), encoding="utf-8")
    assert [row.kind for row in read_caption_sets(tmp_path, tmp_path)] == ["document"]


@pytest.mark.parametrize(
    ("subset", "licence", "expected"),
    [
        ("wild-train", "MIT", True),
        ("classes", "CC0 1.0 (LICENSE)", True),
        ("classes", "MIT (LICENSE of repository); photographs from web search", False),
        ("openstax", "CC BY 4.0 (LICENSE)", True),
        ("openstax", "CC BY-NC-SA 4.0 (LICENSE)", False),
        ("wild-train", "none stated", False),
        ("wild-train", "GPL", False),
        ("wild-train", "", False),
        ("coco", "", True),
        ("flickr8k", "", False),
        ("objects", "", False),
    ],
)
def test_permissive_licenses(subset: str, licence: str, expected: bool) -> None:
    row = EvidenceRow(Path("a.webp"), subset, 1.0, licence=licence)
    assert is_permissive(row) is expected
