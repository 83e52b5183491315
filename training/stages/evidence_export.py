"""Export the evidence heads: half-precision weights, and the nouns with their calibration."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from training.evidence_heads import TrainedHeads
from training.stages.export import write_sums
from workers.models.embedded.weights import EVIDENCE_HEADS, EVIDENCE_NOUNS

# Incremented when other heads, nouns or wider nouns are shipped.
REVISION = "3"


@dataclass(frozen=True, slots=True)
class Description:
    """`wider`: for each of `nouns`, the indices of its wider ones; `calibration`: of fit_calibration()."""

    nouns: list[str]
    wider: list[list[int]]
    calibration: dict[str, float | list[float]]
    revision: str


def write(target: Path, heads: TrainedHeads, description: Description) -> Path:
    """Write both files to `target`, with their hashes, and return it."""
    target.mkdir(exist_ok=True)
    weights = {name: tensor.to(torch.float16).contiguous() for name, tensor in heads.state_dict().items()}
    save_file(weights, target / EVIDENCE_HEADS)
    (target / EVIDENCE_NOUNS).write_text(json.dumps(asdict(description)) + "\n", encoding="utf-8")
    write_sums(target)
    print(f"{(target / EVIDENCE_HEADS).stat().st_size / 1e6:.1f} MB in {target}; {description.calibration}")
    return target
