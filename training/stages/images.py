"""Then the decoder learns to say what is seen: cross-entropy on captioned photographs.

Several captions of a picture share one row, so that reading the picture is paid for once; a mask keeps them apart.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.caption_model import Speaker
from training.datasets.image_batches import Example, Pictures
from training.fit import Plan, fit
from training.stages.features import epoch
from training.stages.text import padded
from workers.models.embedded.decoder_input import PAD, UNKNOWN

BATCH = 32
SENTENCES = 3
RATE = 6e-4
SHARES = {"coco": 1.0, "flickr8k": 1.0, "grocery": 0.25, "fashion": 0.25, "objects": 1.5}
WORD_DROPOUT = 0.1


def train_pictures(
    speaker: Speaker, pictures: Pictures, folder: Path, steps: int, without: frozenset[str] = frozenset()
) -> Speaker:
    chance = np.random.default_rng(5)
    shares = {name: 0.0 if name in without else share for name, share in SHARES.items()}
    order = np.zeros(0, dtype=np.int64)
    while len(order) < steps * BATCH:
        order = np.concatenate([order, epoch(pictures.features, shares, chance)])

    def loss_of(step: int) -> Tensor:
        rows = order[step * BATCH : (step + 1) * BATCH]
        examples = [pictures.example(int(row), SENTENCES) for row in rows]
        return picture_loss(speaker, pictures, examples, smoothing=0.1, noise=True)

    plan = Plan(steps, {"": RATE}, warm_up=150)
    averaged = fit(speaker, loss_of, plan, folder / "pictures.pt", "pictures")
    assert isinstance(averaged, Speaker)
    return averaged


def picture_loss(
    speaker: Speaker, pictures: Pictures, examples: Sequence[Example], *, smoothing: float, noise: bool
) -> Tensor:
    tokens = speaker.bridge(pictures.sight(examples), speaker.words)
    logits, target = said(speaker, tokens, [example.sentences for example in examples], noise=noise)
    return functional.cross_entropy(logits, target, label_smoothing=smoothing)


def said(
    speaker: Speaker, tokens: Tensor, sentences: Sequence[Sequence[Sequence[int]]], *, noise: bool
) -> tuple[Tensor, Tensor]:
    """Logits (m, vocabulary) and targets (m,) for every token of every sentence, row after row."""
    inputs = padded([[token for sentence in row for token in sentence[:-1]] for row in sentences])
    target = padded([[token for sentence in row for token in sentence[1:]] for row in sentences])
    place = padded([[at for sentence in row for at in range(len(sentence) - 1)] for row in sentences])
    owner = padded([[n for n, sentence in enumerate(row, 1) for _ in sentence[1:]] for row in sentences])
    if noise:
        dropped = (torch.rand(inputs.shape) < WORD_DROPOUT) & (place > 0)
        inputs = inputs.masked_fill(dropped, UNKNOWN)
    hidden = speaker.decoder.bert(
        inputs,
        attention_mask=apart(owner),
        position_ids=place,
        encoder_hidden_states=tokens,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state
    real = target != PAD
    return speaker.decoder.cls(hidden[real]), target[real]


def apart(owner: Tensor) -> Tensor:
    """(n, 1, t, t) to add to the attention: a token sees itself and what stands before it in its own sentence."""
    width = owner.shape[1]
    may = (owner[:, :, None] == owner[:, None, :]) & torch.ones(width, width, dtype=torch.bool).tril()
    return torch.zeros(may.shape).masked_fill(~may, torch.finfo(torch.float32).min)[:, None]
