"""The 1000 labels of the backbone."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LABELS_FILE = Path(__file__).with_name("labels.tsv")

# Groups of labels, no hypernyms.
UNINFORMATIVE_PARENTS = frozenset((
    "accessory", "amusement", "architectural feature", "container", "fungus", "household item", "metal object",
    "nature", "office item", "other", "outdoor structure", "public place", "shape", "vehicle part",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """`number` is count, mass or plural; `parent` may be empty."""

    name: str
    number: str
    kind: str
    parent: str

    @property
    def hypernym(self) -> str:
        return "" if self.parent in UNINFORMATIVE_PARENTS else self.parent


def read_labels(path: Path = LABELS_FILE) -> list[Label]:
    """Read the labels in the order of the backbone's outputs."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows.sort(key=lambda row: int(row["index"]))
    return [_label(row) for row in rows]


def _label(row: Mapping[str, str]) -> Label:
    if row["kind"] == "person":
        # Two professions and a bridegroom, which an image does not prove.
        return Label("person", "count", "person", "")
    return Label(row["name"], row["plural_or_mass"], row["kind"], row["parent"])
