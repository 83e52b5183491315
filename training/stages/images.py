"""Train the caption model on captioned images by cross-entropy: photographs first, described images at the end.

The captions of an image share one row of the batch, so that its keys and values are computed once; a block-diagonal
mask separates them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.caption_model import CaptionModel
from training.datasets.captioned import RESTRICTED
from training.datasets.image_batches import Example, ImageBatches
from training.fit import Schedule, fit
from training.stages.features import sample_epoch
from training.stages.text import pad
from workers.models.embedded.decoder_input import PAD, UNKNOWN

BATCH = 32
SENTENCES = 3
WORD_DROPOUT = 0.1


@dataclass(frozen=True, slots=True)
class ImageStage:
    """`shares`: how often a row of a dataset is drawn in an epoch; `learning_rates`, `warm_up`, `ema_decay` of its
    Schedule.
    """

    name: str
    shares: Mapping[str, float]
    learning_rates: Mapping[str, float]
    warm_up: int
    ema_decay: float


PICTURES = ImageStage(
    "pictures",
    {"coco": 1.0, "flickr8k": 1.0, "grocery": 0.25, "fashion": 0.25, "objects": 1.5},
    {"": 6e-4},
    150,
    0.998,
)
# The projections of evidence start untrained. Photographs of COCO and Flickr8k keep their style of caption.
DESCRIBED = ImageStage(
    "described",
    {
        "coco": 1.2,
        "flickr8k": 0.6,
        "objects": 0.5,
        "photo": 3.0,
        f"photo{RESTRICTED}": 3.0,
        "drawn": 1.4,
        f"drawn{RESTRICTED}": 1.4,
    },
    {"bridge.kind": 1e-3, "bridge.people": 1e-3, "bridge.noun": 1e-3, "": 3e-4},
    100,
    0.995,
)


def train_on_images(
    model: CaptionModel,
    batches: ImageBatches,
    folder: Path,
    steps: int,
    excluded: frozenset[str] = frozenset(),
    stage: ImageStage = PICTURES,
) -> CaptionModel:
    rng = np.random.default_rng(5)
    shares = {name: 0.0 if name in excluded else share for name, share in stage.shares.items()}
    order = np.zeros(0, dtype=np.int64)
    while len(order) < steps * BATCH:
        order = np.concatenate([order, sample_epoch(batches.features, shares, rng)])

    def loss_of(step: int) -> Tensor:
        rows = order[step * BATCH : (step + 1) * BATCH]
        examples = [batches.training_example(int(row), SENTENCES) for row in rows]
        return caption_loss(model, batches, examples, smoothing=0.1, word_dropout=True)

    schedule = Schedule(steps, dict(stage.learning_rates), stage.warm_up, ema_decay=stage.ema_decay)
    averaged = fit(model, loss_of, schedule, folder / f"{stage.name}.pt", stage.name)
    assert isinstance(averaged, CaptionModel)
    return averaged


def caption_loss(
    model: CaptionModel, batches: ImageBatches, examples: Sequence[Example], *, smoothing: float, word_dropout: bool
) -> Tensor:
    embeddings = model.bridge(batches.decoder_input(examples), model.word_embeddings)
    sentences = [example.sentences for example in examples]
    logits, targets = caption_logits(model, embeddings, sentences, word_dropout=word_dropout)
    return functional.cross_entropy(logits, targets, label_smoothing=smoothing)


def caption_logits(
    model: CaptionModel, embeddings: Tensor, sentences: Sequence[Sequence[Sequence[int]]], *, word_dropout: bool
) -> tuple[Tensor, Tensor]:
    """Return logits (m, vocabulary) and targets (m,) for every token of every sentence, row after row."""
    inputs = pad([[token for sentence in row for token in sentence[:-1]] for row in sentences])
    targets = pad([[token for sentence in row for token in sentence[1:]] for row in sentences])
    positions = pad([[at for sentence in row for at in range(len(sentence) - 1)] for row in sentences])
    blocks = pad([[n for n, sentence in enumerate(row, 1) for _ in sentence[1:]] for row in sentences])
    if word_dropout:
        dropped = (torch.rand(inputs.shape) < WORD_DROPOUT) & (positions > 0)
        inputs = inputs.masked_fill(dropped, UNKNOWN)
    hidden = model.decoder.bert(
        inputs,
        attention_mask=block_diagonal_mask(blocks),
        position_ids=positions,
        encoder_hidden_states=embeddings,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state
    is_token = targets != PAD
    return model.decoder.cls(hidden[is_token]), targets[is_token]


def block_diagonal_mask(blocks: Tensor) -> Tensor:
    """Return the additive causal mask (n, 1, t, t) within equal numbers of `blocks` (n, t)."""
    width = blocks.shape[1]
    allowed = (blocks[:, :, None] == blocks[:, None, :]) & torch.ones(width, width, dtype=torch.bool).tril()
    return torch.zeros(allowed.shape).masked_fill(~allowed, torch.finfo(torch.float32).min)[:, None]
