"""The detector of content words, trained on what the tuned top says; cheap, so it gets many more steps than the top.

What it says of the training pictures is written by detectors that have not seen them (three folds): otherwise the
decoder would learn to trust words that are surer than they will ever be again.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.eye import SHARES, word_targets
from training.features import Features
from training.fit import Plan, fit
from training.progress import progress
from training.words import Vocabulary
from workers.models.embedded.eye import CELLS, DETECTED_WORDS, Detector, Eye

BATCH = 384
FOLDS = 3
RATE = 1e-3


def train_detector(
    eye: Eye,
    features: Features,
    vocabulary: Vocabulary,
    folder: Path,
    steps: int,
    without: frozenset[str] = frozenset(),
) -> None:
    """Gives `eye` its detector, and every view its words in `folder`/seen."""
    pooled = pooled_twice(eye, features, folder / "seen")
    rows = np.array([view.row for view in features.views])
    shares = np.array(
        [0.0 if row.subset in without or row.split == "val" else SHARES[row.subset] for row in features.rows]
    )
    targets = word_targets(features, vocabulary)
    weights = shares[rows]
    words = np.load(folder / "seen" / "words.npy", mmap_mode="r+")
    for fold in range(FOLDS):
        left_out = rows % FOLDS == fold
        # Only what trains a detector needs one that did not see it.
        unseen = left_out & (weights > 0)
        found = _fitted(pooled, targets, rows, weights * ~left_out, folder, steps, f"detector-{fold}")
        _write(found, pooled, words, np.flatnonzero(unseen))
    whole = _fitted(pooled, targets, rows, weights, folder, steps, "detector")
    _write(whole, pooled, words, np.flatnonzero(weights == 0))
    eye.detector.load_state_dict(whole.state_dict())


@torch.no_grad()
def pooled_twice(eye: Eye, features: Features, folder: Path) -> Tensor:
    """(views, 2560): mean and maximum of what the top's wide layer says, from the grids that were written down."""
    grids = np.load(folder / "grid.npy", mmap_mode="r")
    found = torch.empty(len(features.views), 2 * 1280)
    side = round(CELLS**0.5)
    for at in progress(range(0, len(found), 64), total=-(-len(found) // 64), label="pooling"):
        grid = torch.from_numpy(grids[at : at + 64].astype(np.float32))
        planes = grid.transpose(1, 2).reshape(len(grid), -1, side, side)
        wide = eye.wide(planes.contiguous(memory_format=torch.channels_last))
        found[at : at + 64] = torch.cat([wide.mean((2, 3)), wide.amax((2, 3))], dim=1)
    return found


def _fitted(
    pooled: Tensor,
    targets: Tensor,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    folder: Path,
    steps: int,
    label: str,
) -> Detector:
    torch.manual_seed(8)
    chance = np.random.default_rng(8)
    share = weights / weights.sum()
    of_view = torch.from_numpy(rows)
    detector = _begun(pooled, targets[of_view], share)

    def loss_of(_: int) -> Tensor:
        chosen = torch.from_numpy(chance.choice(len(rows), BATCH, p=share))
        logits = detector(pooled[chosen])
        return functional.binary_cross_entropy_with_logits(logits, targets[of_view[chosen]]) * DETECTED_WORDS / 10

    # Seen words are learnt by heart otherwise: unseen COCO had 52 of the surest right in a hundred with 0.02, 54 so.
    plan = Plan(steps, {"": RATE}, warm_up=20, decay=0.3, average=0.98)
    averaged = fit(detector, loss_of, plan, folder / f"{label}.pt", label)
    assert isinstance(averaged, Detector)
    return averaged


def _begun(pooled: Tensor, targets: Tensor, share: NDArray[np.float64]) -> Detector:
    """It knows the spread of each feature and how common each word is before the first step."""
    detector = Detector()
    some = torch.from_numpy(np.flatnonzero(share)[::4])
    detector.middle.copy_(pooled[some].mean(0))
    detector.spread.copy_(pooled[some].std(0) + 0.01)
    common = targets[some].mean(0).clamp(1e-4, 0.9)
    last = detector.layers[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias.copy_(torch.log(common / (1 - common)))
    return detector


@torch.no_grad()
def _write(detector: Detector, pooled: Tensor, words: NDArray[np.float16], views: NDArray[np.int64]) -> None:
    detector.eval()
    for at in range(0, len(views), 1024):
        part = views[at : at + 1024]
        words[part] = detector(pooled[torch.from_numpy(part)]).sigmoid().numpy()
