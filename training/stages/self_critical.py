"""Last the decoder learns from its own captions: those worth more than their siblings become likelier.

Self-critical sequence training, Rennie et al. 2017 (arXiv 1612.00563), with the mean of the siblings' rewards as the
baseline. The pictures whose captions are templates stay with cross-entropy, or they would be forgotten.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.caption_model import Speaker
from training.datasets.image_batches import Pictures
from training.fit import Plan, fit
from training.scoring.reward import Reward
from training.stages.features import epoch
from training.stages.images import picture_loss, said
from workers.models.embedded.decoder_input import EOS, PAD, UNKNOWN

SCENES, OTHERS = 28, 10
SAMPLES = 5
LONGEST = 20
RATE = 1e-4
# So much of what the reward taught is kept; all of it makes captions short and alike. METEOR and CIDEr of 500
# validation pictures of Flickr8k, five beams, no choice among them: 0.3 of 200 steps 21.6 and 60.7, 0.2 of 420 steps
# 21.5 and 60.2, 0.5 of 100 steps 21.2 and 59.8.
KEPT = 0.3
SCENE_SHARES = {"coco": 1.0, "flickr8k": 1.0, "grocery": 0.0, "fashion": 0.0, "objects": 0.0}
OTHER_SHARES = {"coco": 0.2, "flickr8k": 0.2, "grocery": 0.3, "fashion": 0.3, "objects": 3.0}


def train_reward(
    speaker: Speaker, pictures: Pictures, folder: Path, steps: int, without: frozenset[str] = frozenset()
) -> Speaker:
    rows = pictures.features.rows
    scenes = [
        number for number, row in enumerate(rows) if row.split == "train" and row.is_scene and row.subset not in without
    ]
    of_scenes = [[ids[1:] for ids in pictures.captions[number]] for number in scenes]
    reward = Reward(of_scenes, [rows[number].subset for number in scenes])
    number_of = {row: number for number, row in enumerate(scenes)}
    order, others = (
        _order(pictures, shares, size * steps, without)
        for shares, size in ((SCENE_SHARES, SCENES), (OTHER_SHARES, OTHERS))
    )
    gained: list[float] = []

    def loss_of(step: int) -> Tensor:
        chosen = order[step * SCENES : (step + 1) * SCENES].tolist()
        mixed = others[step * OTHERS : (step + 1) * OTHERS].tolist()
        loss, worth = _sampled_loss(speaker, pictures, chosen, [number_of[row] for row in chosen], reward)
        gained.append(worth)
        if len(gained) == 25:
            print(f"reward {step + 1}: {sum(gained) / 25:.3f}", flush=True)
            gained.clear()
        plain = picture_loss(speaker, pictures, [pictures.example(row, 2) for row in mixed], smoothing=0.1, noise=True)
        return loss + 0.3 * plain

    plan = Plan(steps, {"": RATE}, warm_up=20, decay=0.0, average=0.98, floor=0.1)
    averaged = fit(speaker, loss_of, plan, folder / "reward.pt", "reward")
    assert isinstance(averaged, Speaker)
    return averaged


def _order(pictures: Pictures, shares: dict[str, float], size: int, without: frozenset[str]) -> np.ndarray:
    chance = np.random.default_rng(6)
    kept = {name: 0.0 if name in without else share for name, share in shares.items()}
    order = np.zeros(0, dtype=np.int64)
    while len(order) < size:
        order = np.concatenate([order, epoch(pictures.features, kept, chance)])
    return order


def _sampled_loss(
    speaker: Speaker, pictures: Pictures, rows: Sequence[int], numbers: Sequence[int], reward: Reward
) -> tuple[Tensor, float]:
    examples = [pictures.example(row, 1) for row in rows]
    tokens = speaker.bridge(pictures.sight(examples), speaker.words)
    sampled = sample(speaker, tokens.detach())
    worth = torch.tensor([[reward(n, ids[1:]) for ids in own] for n, own in zip(numbers, sampled, strict=True)])
    better = worth - (worth.sum(1, keepdim=True) - worth) / (SAMPLES - 1)
    logits, target = said(speaker, tokens, sampled, noise=False)
    weights = torch.cat(
        [
            torch.full((len(ids) - 1,), float(b))
            for own, row in zip(sampled, better, strict=True)
            for ids, b in zip(own, row, strict=True)
        ]
    )
    likelihood = -functional.cross_entropy(logits, target, reduction="none")
    return -(likelihood * weights).mean() * 3, float(worth.mean())


@torch.no_grad()
def sample(speaker: Speaker, tokens: Tensor) -> list[list[list[int]]]:
    """Five captions for each picture, as token ids from BOS to EOS."""
    speaker.eval()
    ids = speaker.sampled(tokens, SAMPLES, LONGEST)
    speaker.train()
    captions = [ended(row) for row in ids]
    return [captions[at : at + SAMPLES] for at in range(0, len(captions), SAMPLES)]


def ended(row: Sequence[int]) -> list[int]:
    """Up to the first EOS, with one where there is none."""
    told = list(row[: row.index(EOS)] if EOS in row else row)
    # PAD can be drawn before the end, and would then be taken for no token at all.
    return [*(UNKNOWN if token == PAD else token for token in told), EOS]


@torch.no_grad()
def blended(before: Speaker, after: Speaker) -> Speaker:
    """`before` in place: its weights, moved towards those of `after`."""
    for old, new in zip(before.parameters(), after.parameters(), strict=True):
        old.lerp_(new, KEPT)
    return before
