"""The detector of content words, trained on what the backbone says.

What it says of the training pictures is written by detectors that have not seen them (three folds): otherwise the
decoder would learn to trust words that are surer than they will ever be again.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.datasets.tokenized import Vocabulary, clean
from training.fit import Plan, fit
from training.stages.features import Features
from workers.models.embedded.vision.visual_features import DETECTED_WORDS, Detector

BATCH = 384
FOLDS = 3
RATE = 1e-3
WORDS = "words.npy"
# Scenes teach the most; the templates of the others say the same few words.
SHARES = {"coco": 1.0, "flickr8k": 1.0, "grocery": 0.3, "fashion": 0.3, "objects": 1.0}


def train_detector(
    features: Features,
    vocabulary: Vocabulary,
    folder: Path,
    steps: int,
    without: frozenset[str] = frozenset(),
) -> Detector:
    """The detector, and in `folder`/words.npy what every view says to it."""
    pooled = torch.from_numpy(np.asarray(features.pooled).astype(np.float32))
    rows = np.array([view.row for view in features.views])
    shares = np.array(
        [0.0 if row.subset in without or row.split == "val" else SHARES[row.subset] for row in features.rows]
    )
    targets = word_targets(features, vocabulary)
    weights = shares[rows]
    words = np.lib.format.open_memmap(folder / WORDS, "w+", np.float16, (len(rows), DETECTED_WORDS))
    for fold in range(FOLDS):
        left_out = rows % FOLDS == fold
        # Only what trains a detector needs one that did not see it.
        unseen = left_out & (weights > 0)
        found = _fitted(pooled, targets, rows, weights * ~left_out, folder, steps, f"detector-{fold}")
        _write(found, pooled, words, np.flatnonzero(unseen))
    whole = _fitted(pooled, targets, rows, weights, folder, steps, "detector")
    _write(whole, pooled, words, np.flatnonzero(weights == 0))
    return whole


def word_targets(features: Features, vocabulary: Vocabulary) -> Tensor:
    """(rows, 1000): one where at least two captions, or all there are, say the word; half where one of many does."""
    place = {token: number for number, token in enumerate(vocabulary.content)}
    targets = torch.zeros(len(features.rows), DETECTED_WORDS)
    for number, row in enumerate(features.rows):
        said = [set(vocabulary.tokenizer.encode(clean(caption)).ids) for caption in row.captions]
        for token in set().union(*said) & place.keys():
            times = sum(token in ids for ids in said)
            targets[number, place[token]] = 1.0 if times > 1 or len(said) < 3 else 0.5
    return targets


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
    detector.middle.copy_(pooled[some].flatten(1).mean(0))
    detector.spread.copy_(pooled[some].flatten(1).std(0) + 0.01)
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


def precision(
    words: NDArray[np.float16], features: Features, vocabulary: Vocabulary, most: int = 400
) -> dict[str, float]:
    """How often the five surest words are among a picture's own, on pictures of each kind, seen in training and not."""
    targets = word_targets(features, vocabulary)
    answer: dict[str, float] = {}
    for subset in ("coco", "flickr8k", "grocery", "fashion"):
        for split in ("train", "val"):
            views = features.first_views(subset, split)[:most]
            best = torch.from_numpy(np.asarray(words[views]).astype(np.float32)).topk(5).indices
            rows = [features.views[view].row for view in views.tolist()]
            if rows:
                answer[f"{subset}-{split}"] = round(float((targets[rows].gather(1, best) > 0).float().mean()), 3)
    return answer
