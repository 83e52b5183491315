"""Train the evidence heads on the backbone's features: kind, people, text, and the nouns of an image.

Images described by eye teach all heads; captioned and labelled ones the nouns and, weakly, the kind.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.datasets.evidence_targets import EvidenceTargets
from training.datasets.noun_targets import SparseTargets
from training.evidence_heads import TrainedHeads
from training.fit import Schedule, fit
from workers.models.evidence import KINDS

BATCH = 128
EPOCHS = 10
RATE = 6e-4
SEED = 0
# Of the losses' sum. The nouns' losses are means over 2,031 targets, nearly all of them easy.
PEOPLE_WEIGHT, TEXT_WEIGHT, NOUNS_WEIGHT = 0.7, 0.5, 20.0
# No noun is certain: the reader of a caption cannot see that it is right.
SUREST = 0.98
NORMALIZATION_ROWS = 4000


@dataclass(frozen=True, slots=True)
class Examples:
    """`vectors` (n, 3800) in float16; `shares` (n,): how often a row is drawn in an epoch."""

    vectors: Tensor
    targets: EvidenceTargets
    shares: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        return Examples(self.vectors[torch.from_numpy(rows)], self.targets.take(rows), self.shares[rows])

    @property
    def steps(self) -> int:
        """Return the steps of a whole training."""
        return max(1, int(EPOCHS * self.shares.sum() / BATCH))


def train_evidence(examples: Examples, checkpoint: Path, device: str, steps: int | None = None) -> TrainedHeads:
    """Return the heads, on the CPU. A run on CPU threads of the same number repeats; on CUDA, dropout differs."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    steps = examples.steps if steps is None else steps
    heads = _initialize(examples, rng).to(device)
    order = _order(examples.shares, steps * BATCH, rng)
    class_weights = _class_weights(examples.targets).to(device)

    def loss_of(step: int) -> Tensor:
        rows = order[step * BATCH : (step + 1) * BATCH]
        logits = heads.logits(examples.vectors[torch.from_numpy(rows)].to(device).float())
        return _loss(logits, examples.targets, rows, class_weights)

    schedule = Schedule(steps, {"": RATE}, warm_up=max(1, steps // 10), weight_decay=0.05, ema_decay=0.99, min_rate=0.0)
    averaged = fit(heads, loss_of, schedule, checkpoint, "evidence")
    assert isinstance(averaged, TrainedHeads)
    return averaged.cpu()


def _initialize(examples: Examples, rng: np.random.Generator) -> TrainedHeads:
    """Return heads with feature means and spreads, and base rates of nouns."""
    targets, count = examples.targets, len(examples.vectors)
    heads = TrainedHeads(targets.main.width)
    sample = examples.vectors[torch.from_numpy(rng.permutation(count)[:NORMALIZATION_ROWS])].float()
    heads.mean.copy_(sample.mean(0))
    # The second term: labels that are never seen would be divided by nothing.
    heads.scale.copy_(sample.std(0) + 0.05 * sample.std())
    with torch.no_grad():
        heads.main.bias.copy_(torch.log((targets.main.frequencies() + 1) / count))
        heads.present.bias.copy_(torch.log((targets.present.frequencies() + 1) / count))
    return heads


def _order(shares: NDArray[np.float64], length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return at least `length` rows, epoch after epoch, each row `shares[row]` times in an epoch on average."""
    order = np.zeros(0, dtype=np.int64)
    while len(order) < length:
        times = (shares + rng.random(len(shares))).astype(np.int64)
        order = np.concatenate([order, rng.permutation(np.repeat(np.arange(len(shares)), times))])
    return order


def _class_weights(targets: EvidenceTargets) -> Tensor:
    """Return (14,): the root of how much rarer a kind is than the average."""
    sums = torch.ones(len(KINDS)).index_add(0, targets.kind, targets.kind_weight)
    return (sums.sum() / len(KINDS) / sums).sqrt()


def _loss(
    logits: dict[str, Tensor], targets: EvidenceTargets, rows: NDArray[np.int64], class_weights: Tensor
) -> Tensor:
    """Return the weighted sum of the heads' losses, each over the rows that tell something of it."""
    batch, device = torch.from_numpy(rows), class_weights.device
    weight = targets.kind_weight[batch].to(device)
    kind = functional.cross_entropy(
        logits["kind"], targets.kind[batch].to(device), class_weights, label_smoothing=0.1, reduction="none"
    )
    loss = (kind * weight).sum() / (weight.sum() + 1e-3)
    described = targets.is_described[batch].to(device)
    if described.any():
        people, text = targets.people[batch].to(device)[described], targets.text[batch].to(device)[described]
        loss = loss + PEOPLE_WEIGHT * functional.cross_entropy(
            logits["people"][described], people, label_smoothing=0.05
        )
        loss = loss + TEXT_WEIGHT * functional.binary_cross_entropy_with_logits(logits["text"][described], text)
    main, present = _noun_loss(logits["main"], targets.main, rows), _noun_loss(logits["present"], targets.present, rows)
    return loss + NOUNS_WEIGHT * (main + present)


def _noun_loss(logits: Tensor, targets: SparseTargets, rows: NDArray[np.int64]) -> Tensor:
    """Return the mean over the rows with any noun: the others' nouns are unknown."""
    wanted = SUREST * targets.dense(rows).to(logits.device)
    known = targets.has_any[torch.from_numpy(rows)].float().to(logits.device)
    losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)
    return (losses * known).sum() / known.sum().clamp(min=1)
