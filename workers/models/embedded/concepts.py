"""Concepts, words wider than a label ("dog", "person", "kitchen"), with their member labels and thresholds.

A concept's evidence is the sum of its members' probabilities.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workers.english.labels import Label

TABLE = Path(__file__).with_name("concepts.tsv")

# Label smoothing spreads a few tenths over all labels, which would add up over the 398 animals.
FLOOR = 0.001


@dataclass(frozen=True, slots=True)
class Concept:
    """A row of concepts.tsv. Captions contain `name`, tags `tag`, of the lowest `level` first.

    `threshold`: the least evidence. `spread`: the least evidence beside the strongest member's, because a rugby ball
    alone is no person. `place`: the phrase for a setting ("in a kitchen"), empty for a thing. `members`: label names,
    "parent:dog" or "kind:animal".
    """

    name: str
    tag: str
    number: str
    kind: str
    level: int
    threshold: float
    spread: float
    place: str
    members: frozenset[str]

    def covers(self, label: Label) -> bool:
        members = self.members
        return label.name in members or f"parent:{label.parent}" in members or f"kind:{label.kind}" in members


def read_concepts(path: Path = TABLE) -> list[Concept]:
    with path.open(encoding="utf-8", newline="") as file:
        return [_concept(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _concept(row: Mapping[str, str]) -> Concept:
    members = frozenset(row["members"].split("; "))
    numbers = int(row["level"]), float(row["sure"]), float(row["spread"])
    words = row["name"], row["tag"], row["plural_or_mass"], row["kind"]
    return Concept(*words, *numbers, row["place"], members)


class ConceptMembership:
    """Which labels belong to which label name and concept. Evidence is (n,), one number for each name or concept."""

    def __init__(self, labels: Sequence[Label], concepts: Sequence[Concept] | None = None) -> None:
        self.concepts = list(read_concepts() if concepts is None else concepts)
        # Labels with the same name count as one.
        self.names = list({label.name: label for label in reversed(labels)}.values())
        places = {name.name: place for place, name in enumerate(self.names)}
        of_name = np.zeros((len(self.names), len(labels)), dtype=np.float32)
        of_name[[places[label.name] for label in labels], range(len(labels))] = 1
        of_concept = _matrix([[concept.covers(label) for label in labels] for concept in self.concepts])
        self.members_of_concept: list[NDArray[np.bool_]] = list(of_concept > 0)
        self.members_of_name: dict[str, NDArray[np.bool_]] = {
            name.name: row for name, row in zip(self.names, of_name > 0, strict=True)
        }
        self._spread = np.array([concept.spread for concept in self.concepts], dtype=np.float32)
        self._of_name, self._of_concept = of_name, of_concept

    def name_evidence(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        evidence: NDArray[np.float32] = self._of_name @ _above_floor(probabilities)
        return evidence

    def concept_evidence(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each concept's evidence, 0 where the members beside the strongest have less than `spread`."""
        above = _above_floor(probabilities)
        total: NDArray[np.float32] = self._of_concept @ above
        strongest = (self._of_concept * above).max(axis=1)
        evidence: NDArray[np.float32] = np.where(total - strongest >= self._spread, total, np.float32(0))
        return evidence


def _matrix(rows: Sequence[Sequence[bool]]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


def _above_floor(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    above: NDArray[np.float32] = np.maximum(probabilities - np.float32(FLOOR), np.float32(0))
    return above
