"""What the noun heads learn of each row: the names of the main subject, and the nouns of everything in the image."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.datasets.described import EvidenceRow
from training.datasets.noun_hierarchy import NounHierarchy, singular

# Rarer nouns were never the surest one.
MIN_ROWS = 7
# Of made captions: a thousand rows say "shirt".
_TEMPLATE_WEIGHT = 0.3
# A noun of one caption of many may be a guess of its writer.
_OF_ONE_CAPTION = 0.5


@dataclass(frozen=True, slots=True)
class RowNouns:
    """`main`: all names of the main subject, wider ones too. `present`: how sure each noun is in the image, 0..1."""

    main: frozenset[str]
    present: dict[str, float]


def hierarchy_of(rows: Sequence[EvidenceRow]) -> NounHierarchy:
    """Return the hierarchy of the described ones among the rows."""
    described = [row for row in rows if row.is_described]
    subjects = [[singular(name) for name in row.subject] for row in described]
    return NounHierarchy(subjects, [[singular(name) for name in (*row.also, *row.scene)] for row in described])


def nouns_of(row: EvidenceRow, hierarchy: NounHierarchy) -> RowNouns:
    if row.is_described:
        return _of_description(row, hierarchy)
    if row.label and not row.captions:
        names = hierarchy.with_wider(singular(row.label))
        return RowNouns(names, dict.fromkeys(sorted(names), 1.0))
    return _of_captions(row, hierarchy)


def build_vocabulary(rows: Sequence[EvidenceRow], nouns: Sequence[RowNouns]) -> list[str]:
    """Return the nouns that are in at least MIN_ROWS rows, the most frequent first."""
    counts: Counter[str] = Counter()
    for row, row_nouns in zip(rows, nouns, strict=True):
        for noun, sureness in row_nouns.present.items():
            counts[noun] += sureness * (_TEMPLATE_WEIGHT if row.is_template else 1.0)  # type: ignore[assignment]
    # 0.3 is not exact in binary: 33 and a third rows of it are ten.
    frequent = [(round(-count, 3), noun) for noun, count in counts.items() if round(count, 3) >= MIN_ROWS]
    return [noun for _, noun in sorted(frequent)]


def wider_indices(vocabulary: Sequence[str], hierarchy: NounHierarchy) -> list[list[int]]:
    """Return for each noun where its wider nouns are in the vocabulary, itself not among them."""
    index = {noun: number for number, noun in enumerate(vocabulary)}
    wider = [hierarchy.with_wider(noun) - {noun} for noun in vocabulary]
    return [sorted(index[name] for name in names if name in index) for names in wider]


class SparseTargets:
    """The targets of (rows, vocabulary), nearly all of them 0, as the numbers that are not."""

    def __init__(self, rows: Sequence[dict[str, float]], vocabulary: Sequence[str]) -> None:
        index = {noun: number for number, noun in enumerate(vocabulary)}
        known = [sorted((index[noun], value) for noun, value in row.items() if noun in index) for row in rows]
        self.width = len(vocabulary)
        self._columns = [np.array([column for column, _ in row], dtype=np.int64) for row in known]
        self._values = [np.array([value for _, value in row], dtype=np.float32) for row in known]
        self.has_any = torch.tensor([bool(row) for row in known])

    def take(self, rows: NDArray[np.int64]) -> "SparseTargets":
        """Return the targets of these rows alone."""
        taken = copy(self)
        taken._columns = [self._columns[row] for row in rows]
        taken._values = [self._values[row] for row in rows]
        taken.has_any = self.has_any[torch.from_numpy(rows)]
        return taken

    def dense(self, rows: NDArray[np.int64]) -> Tensor:
        """Return (len(rows), vocabulary) of 0..1."""
        filled = np.zeros((len(rows), self.width), dtype=np.float32)
        columns = [self._columns[row] for row in rows]
        places = np.repeat(np.arange(len(rows)), [len(part) for part in columns])
        filled[places, np.concatenate(columns)] = np.concatenate([self._values[row] for row in rows])
        return torch.from_numpy(filled)

    def dense_all(self) -> Tensor:
        return self.dense(np.arange(len(self._columns)))

    def frequencies(self) -> Tensor:
        """Return (vocabulary,): the sum over all rows."""
        sums = np.zeros(self.width, dtype=np.float32)
        np.add.at(sums, np.concatenate(self._columns), np.concatenate(self._values))
        return torch.from_numpy(sums)


def _of_description(row: EvidenceRow, hierarchy: NounHierarchy) -> RowNouns:
    subject = [singular(name) for name in row.subject]
    others = [singular(name) for name in (*row.also, *row.scene)]
    mentioned = [name for sentence in row.captions for name in hierarchy.mentions(sentence)]
    present = {noun for name in (*subject, *others, *mentioned) for noun in hierarchy.with_wider(name)}
    main = frozenset(noun for name in subject for noun in hierarchy.with_wider(name))
    return RowNouns(main, dict.fromkeys(sorted(present), 1.0))


def _of_captions(row: EvidenceRow, hierarchy: NounHierarchy) -> RowNouns:
    mentions = [hierarchy.mentions(caption) for caption in row.captions]
    counts = Counter(
        noun for names in mentions for noun in {wider for name in names for wider in hierarchy.with_wider(name)}
    )
    is_sure = {noun: count > 1 or len(mentions) < 3 for noun, count in counts.items()}
    present = {noun: 1.0 if is_sure[noun] else _OF_ONE_CAPTION for noun in sorted(counts)}
    # What most captions name first.
    first = Counter(names[0] for names in mentions if names).most_common(1)
    return RowNouns(hierarchy.with_wider(first[0][0]) if first else frozenset(), present)
