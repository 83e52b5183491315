"""The targets of all evidence heads, as tensors with a row per image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.datasets.described import EvidenceRow
from training.datasets.noun_targets import RowNouns, SparseTargets
from workers.models.evidence import KINDS


@dataclass(frozen=True, slots=True)
class EvidenceTargets:
    """`kind` (n,) with `kind_weight` (n,), 0 where unknown; `people` (n,), -1 where unknown; `text` (n,): 0 or 1, with
    meaning where `people` is known; `main` and `present`: (n, vocabulary).
    """

    kind: Tensor
    kind_weight: Tensor
    people: Tensor
    text: Tensor
    main: SparseTargets
    present: SparseTargets

    @classmethod
    def of(cls, rows: Sequence[EvidenceRow], nouns: Sequence[RowNouns], vocabulary: Sequence[str]) -> Self:
        return cls(
            torch.tensor([KINDS.index(row.kind) if row.kind else 0 for row in rows]),
            torch.tensor([row.kind_weight if row.kind else 0.0 for row in rows]),
            torch.tensor([row.people for row in rows]),
            torch.tensor([float(bool(row.text)) for row in rows]),
            SparseTargets([dict.fromkeys(row.main, 1.0) for row in nouns], vocabulary),
            SparseTargets([row.present for row in nouns], vocabulary),
        )

    def take(self, rows: NDArray[np.int64]) -> "EvidenceTargets":
        """Return the targets of these rows alone."""
        at = torch.from_numpy(rows)
        tensors = (self.kind[at], self.kind_weight[at], self.people[at], self.text[at])
        return EvidenceTargets(*tensors, self.main.take(rows), self.present.take(rows))

    @property
    def is_described(self) -> Tensor:
        return self.people >= 0
