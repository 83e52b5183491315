"""The part of the eye that is tuned: a copy of the top, and the detector of content words on it.

Trained together to name the words of a picture's captions, from what the frozen trunk said of it. Afterwards every
view's grid, whole and words are written down, for the decoder to be trained on.
"""

from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.features import Features
from training.fit import Plan, fit
from training.progress import progress
from training.words import Vocabulary, clean
from workers.models.embedded.backbone import TOP_CELLS, TRUNK_CELLS, can_pack, pack
from workers.models.embedded.eye import CELLS, DETECTED_WORDS, Eye, coarse

BATCH = 48
RATES = {"top": 2e-4, "wide": 2e-4, "": 1e-3}
SEEN = {"grid": (CELLS, 352), "coarse": (CELLS, 120), "pooled": (1280,), "words": (DETECTED_WORDS,)}
# Scenes teach the most; the templates of the others say the same few words.
SHARES = {"coco": 1.0, "flickr8k": 1.0, "grocery": 0.3, "fashion": 0.3, "objects": 1.0}


def train_eye(
    eye: Eye,
    features: Features,
    vocabulary: Vocabulary,
    folder: Path,
    epochs: float,
    without: frozenset[str] = frozenset(),
) -> Eye:
    """`eye` in place; the returned one is the average."""
    eye.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    targets = word_targets(features, vocabulary)
    chance = np.random.default_rng(3)
    views = views_of_rows(features)
    shares = {name: 0.0 if name in without else share for name, share in SHARES.items()}
    order = np.concatenate([epoch(features, shares, chance) for _ in range(int(np.ceil(epochs)))])
    steps = int(epochs * len(order) / np.ceil(epochs)) // BATCH

    def loss_of(step: int) -> Tensor:
        rows = order[step * BATCH : (step + 1) * BATCH]
        chosen = np.array([chance.choice(views[row]) for row in rows])
        words = eye(mid_of(features, chosen)).words
        return functional.binary_cross_entropy_with_logits(words, targets[rows]) * DETECTED_WORDS / 10

    plan = Plan(steps, RATES, warm_up=30, decay=0.05, average=0.99)
    averaged = fit(eye, loss_of, plan, folder / "eye.pt", "eye")
    assert isinstance(averaged, Eye)
    return averaged


def epoch(features: Features, shares: dict[str, float], chance: np.random.Generator) -> NDArray[np.int64]:
    """Training rows in random order, each set by its share: 2 is twice, 0 is not at all."""
    rows: list[int] = []
    for number, row in enumerate(features.rows):
        if row.split == "train":
            rows += [number] * int(shares[row.subset] + chance.random())
    return chance.permutation(np.array(rows))


def views_of_rows(features: Features) -> list[list[int]]:
    views: list[list[int]] = [[] for _ in features.rows]
    for number, view in enumerate(features.views):
        views[view.row].append(number)
    return views


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


@torch.no_grad()
def look(eye: Eye, features: Features, folder: Path, without: frozenset[str] = frozenset()) -> None:
    """Writes what the eye and the trunk say of every view to `folder`, as float16: see `SEEN`."""
    count = len(features.views)
    quick = deepcopy(eye).eval().requires_grad_(False)
    if can_pack():
        pack(quick.top, TRUNK_CELLS)
        pack(quick.wide, TOP_CELLS)
    folder.mkdir(parents=True, exist_ok=True)
    maps = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, (count, *shape))
        for name, shape in SEEN.items()
    }
    wanted = np.flatnonzero([_is_wanted(features, view, without) for view in range(count)])
    for at in progress(range(0, len(wanted), 32), total=-(-len(wanted) // 32), label="looking"):
        chosen = wanted[at : at + 32]
        mid = mid_of(features, chosen)
        glance = quick(mid)
        maps["grid"][chosen] = glance.grid.flatten(2).transpose(1, 2).numpy()
        maps["coarse"][chosen] = coarse(mid).numpy()
        maps["pooled"][chosen] = glance.pooled.numpy()
        maps["words"][chosen] = glance.words.sigmoid().numpy()


def _is_wanted(features: Features, view: int, without: frozenset[str]) -> bool:
    row = features.rows[features.views[view].row]
    return row.split == "val" or row.subset not in without


def mid_of(features: Features, views: NDArray[np.int64] | list[int]) -> Tensor:
    mid = torch.from_numpy(features.mid[views].astype(np.float32))
    # Depthwise layers train three times faster so.
    return mid.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def detection(eye: Eye, features: Features, vocabulary: Vocabulary, most: int = 400) -> dict[str, float]:
    """Precision of the five surest words on pictures of each kind, seen in training and not."""
    targets = word_targets(features, vocabulary)
    eye.eval()
    answer: dict[str, float] = {}
    for subset in ("coco", "flickr8k", "grocery", "fashion"):
        for split in ("train", "val"):
            chosen = [v for v in features.first.tolist() if _is(features, v, subset, split)][:most]
            hits = []
            for at in range(0, len(chosen), 32):
                part = chosen[at : at + 32]
                best = eye(mid_of(features, part)).words.topk(5).indices
                rows = [features.views[v].row for v in part]
                hits.append((targets[rows].gather(1, best) > 0).float())
            if hits:
                answer[f"{subset}-{split}"] = round(float(torch.cat(hits).mean()), 3)
    return answer


def _is(features: Features, view: int, subset: str, split: str) -> bool:
    row = features.rows[features.views[view].row]
    return row.subset == subset and row.split == split
