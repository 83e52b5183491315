"""The thousand labels as words: which are sure enough to be told, and how."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.grammar import with_article
from workers.models.base import Caption, Tag

TABLE = Path(__file__).with_name("labels.tsv")

MIN_TAG = 0.08
# Set by eye on 536 everyday photographs (flickr8k-val, coco-val), whose subject may be none of the labels: at 0.5 many
# labels were wrong, at these few. No held-out set has measured them.
SURE_LABEL = 0.6
SURE_LABEL_WITH_PARENT = 0.8
SURE_PLACE = 0.75
SURE_PARENT = 0.5
PLACES = frozenset(("building", "landscape", "other", "structure"))
# Parents that tell a reader what is to be seen; others ("office item", "shape") only sort the labels.
NAMEABLE_PARENTS = frozenset((
    "aircraft", "ape", "ball", "bag", "bear", "bed", "beetle", "bicycle", "big cat", "bird", "bird of prey", "boat",
    "bottle", "bridge", "building", "bus", "butterfly", "camera", "car", "cart", "cat", "chair", "chicken", "computer",
    "crab", "dessert", "dog", "elephant", "fish", "flower", "fox", "frog", "guitar", "horse", "insect",
    "lizard", "monkey", "mushroom", "parrot", "percussion instrument", "person", "phone", "piano", "rabbit", "rodent",
    "shark", "sheep", "ship", "snake", "songbird", "spider", "string instrument", "table", "train", "truck", "turtle",
    "vegetable", "waterbird", "wild dog", "wind instrument", "wolf",
))  # fmt: skip
MASS_PARENTS = frozenset((
    "bread", "clothing", "fast food", "food", "footwear", "fruit", "furniture", "headwear", "outerwear",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """`number` is count, mass or plural; `parent` may be empty."""

    name: str
    number: str
    kind: str
    parent: str


def captions_of(labels: Sequence[Label], probabilities: NDArray[np.float32]) -> list[Caption]:
    names, parents = _merged(labels, probabilities)
    parents = [tag for tag in parents if tag.text in NAMEABLE_PARENTS | MASS_PARENTS and tag.confidence >= SURE_PARENT]
    fallbacks = NAMEABLE_PARENTS.intersection(tag.text for tag in parents)
    sure = [tag for tag in names if tag.confidence >= _sure_at(tag, fallbacks)] + parents
    return [Caption(with_article(tag.text, tag.number), tag.confidence) for tag in sure]


def _sure_at(tag: Tag, fallbacks: frozenset[str]) -> float:
    if tag.kind in PLACES:
        return SURE_PLACE
    # "A dog" is at hand and surely true, so the breed has to be surer.
    return SURE_LABEL_WITH_PARENT if tag.parent in fallbacks else SURE_LABEL


def tags_of(labels: Sequence[Label], probabilities: NDArray[np.float32]) -> list[Tag]:
    names, parents = _merged(labels, probabilities)
    likely = [tag for tag in names + parents if tag.confidence >= MIN_TAG]
    # Stable: of a label and its parent with the same confidence, the label comes first.
    return sorted(likely, key=lambda tag: -tag.confidence)


def _merged(labels: Sequence[Label], probabilities: NDArray[np.float32]) -> tuple[list[Tag], list[Tag]]:
    """Labels that share a name are one, with the sum of their probabilities; a parent has the sum of its children's."""
    by_name: dict[str, float] = defaultdict(float)
    by_parent: dict[str, float] = defaultdict(float)
    label_of: dict[str, Label] = {}
    kind_of: dict[str, str] = {}
    for label, probability in zip(labels, probabilities.tolist(), strict=True):
        by_name[label.name] += probability
        label_of.setdefault(label.name, label)
        if label.parent:
            by_parent[label.parent] += probability
            kind_of.setdefault(label.parent, label.kind)
    for name in by_name.keys() & by_parent.keys():
        # "mushroom" is a label and the parent of others: one word, one tag.
        by_name[name] = max(by_name[name], by_parent.pop(name))
    names = [
        Tag(name, _rounded(p), label_of[name].kind, label_of[name].parent, label_of[name].number)
        for name, p in by_name.items()
    ]
    parents = [Tag(parent, _rounded(p), kind_of[parent], "", _number_of(parent)) for parent, p in by_parent.items()]
    return _best_first(names), _best_first(parents)


def _number_of(parent: str) -> str:
    return "mass" if parent in MASS_PARENTS else "count"


def _best_first(tags: list[Tag]) -> list[Tag]:
    return sorted(tags, key=lambda tag: -tag.confidence)


def _rounded(probability: float) -> float:
    """Three decimals say all there is to say, and sums of a thousand floats can pass 1."""
    return min(1.0, round(probability, 3))


def read_labels(path: Path = TABLE) -> list[Label]:
    """In the order of the net's outputs."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows.sort(key=lambda row: int(row["index"]))
    return [_label(row) for row in rows]


def _label(row: Mapping[str, str]) -> Label:
    if row["kind"] == "person":
        # ImageNet's three kinds of people are two professions and a bridegroom: not to be guessed from a picture.
        return Label("person", "count", "person", "")
    return Label(row["name"], row["plural_or_mass"], row["kind"], row["parent"])
