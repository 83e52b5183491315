"""The evidence stage: rows, features, training, calibration on wild-dev, export."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.datasets.captioned import Row, unpack
from training.datasets.described import EvidenceRow, caption_rows, is_permissive, read_caption_sets, read_described
from training.datasets.evidence_targets import EvidenceTargets
from training.datasets.noun_hierarchy import NounHierarchy
from training.datasets.noun_targets import RowNouns, build_vocabulary, hierarchy_of, nouns_of, wider_indices
from training.evidence_heads import TrainedHeads
from training.scoring.evidence_calibration import fit_calibration
from training.scoring.evidence_figures import evidence_figures
from training.stages import evidence_export
from training.stages.evidence import Examples, train_evidence
from training.stages.evidence_features import extract_evidence_features
from training.stages.features import FeatureStore
from training.stages.view_evidence import FOLDS, ViewEvidence, fold_of, predict_views
from workers.models.embedded.evidence_heads import EvidenceCalibrator
from workers.models.embedded.weights import EVIDENCE_NOUNS

QUICK_ROWS, QUICK_STEPS = 12, 3


@dataclass(frozen=True, slots=True)
class EvidenceSources:
    """`wild`: the folder of wild-train and wild-dev; `described`: further folders with rows.jsonl and img/."""

    data: Path
    wild: Path
    described: tuple[Path, ...]
    images: Path


@dataclass
class EvidenceRun:
    """`folder` gets the checkpoint and export/; `features` is shared by the variants."""

    sources: EvidenceSources
    features: Path
    folder: Path
    variant: str
    processes: int
    device: str
    is_quick: bool

    def run(self) -> Path:
        """Train, print the figures of wild-dev, and return the export folder."""
        heads = self._heads
        rows = self._read_wild("wild-dev")
        nouns = [nouns_of(row, self._hierarchy) for row in rows]
        targets = EvidenceTargets.of(rows, nouns, self._vocabulary)
        logits = self._logits(heads, rows)
        print("wild-dev:", evidence_figures(logits, targets, rows, self._vocabulary), flush=True)
        wider = wider_indices(self._vocabulary, self._hierarchy)
        revision = f"{self.variant}-{evidence_export.REVISION}"
        description = evidence_export.Description(self._vocabulary, wider, fit_calibration(logits, targets), revision)
        return evidence_export.write(self.folder / "export", heads, description)

    def predict_views(self, features: FeatureStore, tokenize: Callable[[str], Sequence[int]]) -> ViewEvidence:
        """Return the evidence of every view; run() comes first."""
        folds = np.array([fold_of(row.repository or row.path.name) for row in self._rows])
        heads = [self._train(f"without-{fold}-", np.flatnonzero(folds != fold)) for fold in range(FOLDS)]
        fold_of_path = {row.path: int(fold) for row, fold in zip(self._rows, folds, strict=True)}
        # Views that no heads were trained on need no fold.
        numbers = [fold_of_path.get(features.rows[view.row].path, FOLDS) for view in features.views]
        fields = json.loads((self.folder / "export" / EVIDENCE_NOUNS).read_text(encoding="utf-8"))
        calibrator = EvidenceCalibrator.of(fields)
        return predict_views(features, [*heads, self._heads], np.array(numbers), calibrator, tokenize)

    def caption_rows(self) -> list[Row]:
        """Return the described images that teach the decoder."""
        return caption_rows(self._all_rows)

    @cached_property
    def _all_rows(self) -> list[EvidenceRow]:
        limit = QUICK_ROWS if self.is_quick else None
        rows = self._read_wild("wild-train")
        for number, folder in enumerate(self.sources.described):
            rows += read_described(folder / "rows.jsonl", folder / "img", f"described-{number}", limit)
        return rows + read_caption_sets(self.sources.data, self.sources.images, limit)

    @cached_property
    def _chosen(self) -> list[int]:
        """Return which of all rows the variant learns from."""
        return [n for n, row in enumerate(self._all_rows) if self.variant != "commercial" or is_permissive(row)]

    @cached_property
    def _rows(self) -> list[EvidenceRow]:
        return [self._all_rows[number] for number in self._chosen]

    @cached_property
    def _hierarchy(self) -> NounHierarchy:
        return hierarchy_of(self._rows)

    @cached_property
    def _nouns(self) -> list[RowNouns]:
        return [nouns_of(row, self._hierarchy) for row in self._rows]

    @cached_property
    def _vocabulary(self) -> list[str]:
        return build_vocabulary(self._rows, self._nouns)

    def _read_wild(self, name: str) -> list[EvidenceRow]:
        unpack(self.sources.wild, self.sources.images)
        limit = QUICK_ROWS if self.is_quick else None
        return read_described(self.sources.wild / f"{name}.jsonl", self.sources.images / name, name, limit)

    @cached_property
    def _heads(self) -> TrainedHeads:
        """The heads with weights as they are exported, in half precision."""
        return self._train("", np.arange(len(self._rows))).half().float()

    @cached_property
    def _examples(self) -> Examples:
        described = sum(row.is_described for row in self._rows)
        print(f"{len(self._rows)} rows, {described} of them described; {len(self._vocabulary)} nouns", flush=True)
        vectors = extract_evidence_features(self.features, self._all_rows, self.processes)
        return Examples(
            torch.from_numpy(vectors[self._chosen]),
            EvidenceTargets.of(self._rows, self._nouns, self._vocabulary),
            np.array([row.share for row in self._rows]),
        )

    def _train(self, prefix: str, rows: NDArray[np.int64]) -> TrainedHeads:
        steps = QUICK_STEPS if self.is_quick else None
        checkpoint = self.folder / f"evidence-{prefix}{self._digest()}.pt"
        return train_evidence(self._examples.take(rows), checkpoint, self.device, steps)

    def _logits(self, heads: TrainedHeads, rows: Sequence[EvidenceRow]) -> dict[str, Tensor]:
        vectors = torch.from_numpy(extract_evidence_features(self.features, rows, self.processes))
        with torch.no_grad():
            return heads.logits(vectors.float())

    def _digest(self) -> str:
        """Return what names the checkpoint: with other rows or nouns it would not fit."""
        names = [f"{row.subset}/{row.path.name}" for row in self._rows]
        return hashlib.sha256("\n".join([*names, *self._vocabulary]).encode()).hexdigest()[:12]
