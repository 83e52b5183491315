"""Heads for kind, people, text and nouns on the frozen backbone, with calibrated probabilities."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from workers.models.embedded.vision.visual_features import VisualFeatures
from workers.models.embedded.weights import EVIDENCE_HEADS, EVIDENCE_NOUNS
from workers.models.evidence import KINDS, PEOPLE, Evidence, NounEvidence

FEATURES = 2 * 1280 + 2 * 120 + 1000
HIDDEN = 1024
# Nouns below both probabilities are no evidence of anything.
MIN_MAIN, MIN_PRESENT = 0.04, 0.2


@dataclass(frozen=True, slots=True)
class HeadCalibration:
    """Temperatures of `kind` and `people`; slope and offset of the logits of `main`, `present` and `text`."""

    kind: float
    people: float
    main: tuple[float, float]
    present: tuple[float, float]
    text: tuple[float, float]


def head_features(features: VisualFeatures) -> Tensor:
    """Return (n, 3800): pooled channels, mean and deviation of the trunk's channels, roots of label probabilities."""
    return join_features(features.pooled, features.texture, features.labels.softmax(-1))


def join_features(pooled: Tensor, texture: Tensor, probabilities: Tensor) -> Tensor:
    """Return (n, 3800) of (n, 2, 1280), (n, 240) and (n, 1000) label probabilities."""
    return torch.cat([pooled.flatten(1), texture, probabilities.sqrt()], dim=1)


class EvidenceHeads(nn.Module):
    """(n, 3800) to the logits of kind (n, 14), people (n, 4), text (n, 1), main and present nouns (n, nouns).

    Attributes are key names of evidence.safetensors.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, nouns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.hidden = nn.Linear(FEATURES, HIDDEN)
        self.kind = nn.Linear(HIDDEN, len(KINDS))
        self.people = nn.Linear(HIDDEN, len(PEOPLE))
        self.text = nn.Linear(HIDDEN, 1)
        self.main = nn.Linear(HIDDEN, nouns)
        self.present = nn.Linear(HIDDEN, nouns)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        hidden = nn.functional.gelu(self.hidden((features - self.mean) / self.scale))
        return self.kind(hidden), self.people(hidden), self.text(hidden), self.main(hidden), self.present(hidden)


class EvidenceReader:
    """The trained heads of a folder, from visual features to Evidence. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError where files are missing or do not fit."""
        fields = json.loads((folder / EVIDENCE_NOUNS).read_text(encoding="utf-8"))
        self._calibrator = EvidenceCalibrator.of(fields)
        self.revision = str(fields["revision"])
        with torch.device("meta"):
            self._heads = EvidenceHeads(len(fields["nouns"]))
        tensors = {name: tensor.float() for name, tensor in load_file(folder / EVIDENCE_HEADS).items()}
        try:
            self._heads.load_state_dict(tensors, strict=True, assign=True)
        except RuntimeError as error:
            raise ValueError(f"{EVIDENCE_HEADS} does not fit: {error}") from error
        self._heads.eval().requires_grad_(False)

    @torch.inference_mode()
    def read(self, features: VisualFeatures) -> Evidence:
        """Return the evidence of one image."""
        return self._calibrator.evidence(*(logits[0] for logits in self._heads(head_features(features))))


@dataclass(frozen=True, slots=True)
class EvidenceCalibrator:
    """From logits to Evidence. `wider`: for each of `nouns`, the indices of its wider ones."""

    nouns: Sequence[str]
    wider: Sequence[Sequence[int]]
    calibration: HeadCalibration

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """`fields`: those of evidence.json."""
        return cls(fields["nouns"], fields["wider"], HeadCalibration(**fields["calibration"]))

    def evidence(self, kind: Tensor, people: Tensor, text: Tensor, main: Tensor, present: Tensor) -> Evidence:
        """Return the evidence of one image's logits (14,), (4,), (1,), (nouns,), (nouns,)."""
        calibration = self.calibration
        return Evidence(
            kinds=_shares(kind / calibration.kind),
            people=_shares(people / calibration.people),
            nouns=self._found(_calibrated(main, calibration.main), _calibrated(present, calibration.present)),
            text=round(float(_calibrated(text, calibration.text)[0]), 4),
        )

    def _found(self, main: NDArray[np.float64], present: NDArray[np.float64]) -> tuple[NounEvidence, ...]:
        found = np.flatnonzero((main >= MIN_MAIN) | (present >= MIN_PRESENT)).tolist()
        for wider, narrower in self._narrowest(found).items():
            for values in (main, present):
                # A wider noun is as probable as that one of the narrower ones is right.
                values[wider] = max(values[wider], 1 - np.prod(1 - values[narrower]))
        kept = np.flatnonzero((main >= MIN_MAIN) | (present >= MIN_PRESENT))
        order = kept[np.argsort(-main[kept], kind="stable")].tolist()
        return tuple(self._noun(index, main, present) for index in order)

    def _narrowest(self, found: Sequence[int]) -> dict[int, list[int]]:
        """Return for each wider noun those of the found ones that have no narrower one among them; of synonyms, one."""
        narrower: dict[int, list[int]] = {}
        for index in found:
            for wider in self.wider[index]:
                narrower.setdefault(wider, []).append(index)
        return {
            wider: [one for one in own if not any(self._is_covered(one, other) for other in own)]
            for wider, own in narrower.items()
        }

    def _is_covered(self, noun: int, other: int) -> bool:
        """Return whether `other` is narrower than the noun, or its synonym that comes first."""
        return noun in self.wider[other] and (other not in self.wider[noun] or other < noun)

    def _noun(self, index: int, main: NDArray[np.float64], present: NDArray[np.float64]) -> NounEvidence:
        wider = tuple(self.nouns[other] for other in self.wider[index])
        return NounEvidence(self.nouns[index], round(float(main[index]), 4), round(float(present[index]), 4), wider)


def _shares(logits: Tensor) -> tuple[float, ...]:
    return tuple(round(share, 4) for share in logits.softmax(-1).tolist())


def _calibrated(logits: Tensor, line: tuple[float, float]) -> NDArray[np.float64]:
    slope, offset = line
    probabilities: NDArray[np.float64] = torch.sigmoid(slope * logits + offset).double().numpy()
    return probabilities
