"""The evidence of every view for the decoder, from heads that were not trained on the view's repository.

Otherwise the decoder would learn to trust probabilities that are higher than at inference.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from training.evidence_heads import TrainedHeads
from training.progress import progress
from training.stages.features import FeatureStore
from workers.models.embedded.decoder_input import NOUN_SLOTS, noun_slots
from workers.models.embedded.evidence_heads import EvidenceCalibrator, join_features
from workers.models.evidence import KINDS, PEOPLE, Evidence

FOLDS = 2
BATCH = 256


@dataclass(frozen=True, slots=True)
class ViewEvidence:
    """`kinds` (views, 14), `people` (views, 4), `nouns` (views, 20) token ids, `noun_probabilities` (views, 20)."""

    kinds: NDArray[np.float32]
    people: NDArray[np.float32]
    nouns: NDArray[np.int64]
    noun_probabilities: NDArray[np.float32]

    @classmethod
    def none(cls, views: int) -> Self:
        """Return what stages without evidence read: no kind, no number, empty slots."""
        slots = (views, NOUN_SLOTS)
        kinds, people = (np.zeros((views, width), np.float32) for width in (len(KINDS), len(PEOPLE)))
        return cls(kinds, people, np.zeros(slots, np.int64), np.zeros(slots, np.float32))

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as file:
            return cls(**{field.name: file[field.name] for field in fields(cls)})

    def save(self, path: Path) -> None:
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})

    def put(self, view: int, evidence: Evidence, tokenize: Callable[[str], Sequence[int]]) -> None:
        self.kinds[view], self.people[view] = evidence.kinds, evidence.people
        self.nouns[view], self.noun_probabilities[view] = noun_slots(evidence, tokenize)


def fold_of(name: str) -> int:
    """Return the fold of a repository, or of an image that comes from none."""
    return zlib.crc32(name.encode()) % FOLDS


@torch.no_grad()
def predict_views(
    features: FeatureStore,
    heads: Sequence[TrainedHeads],
    head_of_view: NDArray[np.int64],
    calibrator: EvidenceCalibrator,
    tokenize: Callable[[str], Sequence[int]],
) -> ViewEvidence:
    """`head_of_view` (views,): which of `heads` predicts the view."""
    found = ViewEvidence.none(len(features.views))
    chunks = [range(at, min(at + BATCH, len(features.views))) for at in range(0, len(features.views), BATCH)]
    for chunk in progress(chunks, total=len(chunks), label="view evidence"):
        vectors = _vectors(features, chunk)
        for view, vector in zip(chunk, vectors, strict=True):
            logits = heads[head_of_view[view]](vector[None])
            found.put(view, calibrator.evidence(*(values[0] for values in logits)), tokenize)
    return found


def _vectors(features: FeatureStore, views: range) -> torch.Tensor:
    return join_features(
        *(
            torch.from_numpy(np.asarray(features.maps[name][views.start : views.stop]).astype(np.float32))
            for name in ("pooled", "texture", "labels")
        )
    )
