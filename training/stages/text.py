"""First the decoder learns English, and to listen: sentences alone, with concept tokens made from them.

Whether it listens is measured: the likelihood of held-out sentences with their concepts against without.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.caption_model import Speaker
from training.datasets.concept_tokens import Concepts, Pair
from training.datasets.tokenized import Vocabulary
from training.fit import Plan, fit
from workers.models.embedded.decoder_input import PAD

BATCH = 64
TEMPLATE_SHARE = 0.08
RATE = 1.2e-3


def train_text(speaker: Speaker, sentences: Sequence[str], vocabulary: Vocabulary, folder: Path, steps: int) -> Speaker:
    concepts = Concepts(vocabulary, seed=1)
    batches = _batches([vocabulary.ids(sentence) for sentence in sentences], steps)

    def loss_of(step: int) -> Tensor:
        rows = [(ids, concepts.of_sentence(ids)) for ids in batches[step]]
        rows += [concepts.of_template() for _ in range(int(BATCH * TEMPLATE_SHARE))]
        return text_loss(speaker, rows)

    plan = Plan(steps, {"": RATE})
    averaged = fit(speaker, loss_of, plan, folder / "text.pt", "text")
    assert isinstance(averaged, Speaker)
    return averaged


def _batches(sentences: list[list[int]], steps: int) -> list[list[list[int]]]:
    """Sentences of like length together, batches in random order."""
    chance = np.random.default_rng(1)
    order = chance.permutation(len(sentences))
    batches: list[list[list[int]]] = []
    while len(batches) < steps:
        for at in range(0, len(order), BATCH * 50):
            pool = sorted(order[at : at + BATCH * 50].tolist(), key=lambda n: len(sentences[n]))
            batches += [[sentences[n] for n in pool[i : i + BATCH]] for i in range(0, len(pool), BATCH)]
    return [batches[n] for n in chance.permutation(len(batches))[:steps]]


def text_loss(
    speaker: Speaker, rows: Sequence[tuple[list[int], Pair]], *, smoothing: float = 0.1, deaf: bool = False
) -> Tensor:
    ids = padded([row for row, _ in rows])
    heard = torch.from_numpy(np.stack([pair[0] for _, pair in rows]))
    sure = torch.from_numpy(np.stack([pair[1] for _, pair in rows]))
    if deaf:
        heard = torch.full_like(heard, PAD)
    tokens = speaker.bridge.concepts(heard, sure, speaker.words)
    hidden = speaker.decoder.bert(
        ids[:, :-1],
        attention_mask=(ids[:, :-1] != PAD).long(),
        encoder_hidden_states=tokens,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state
    target = ids[:, 1:]
    logits = speaker.decoder.cls(hidden[target != PAD])
    return functional.cross_entropy(logits, target[target != PAD], label_smoothing=smoothing)


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])


@torch.no_grad()
def hearing(speaker: Speaker, sentences: Sequence[str], vocabulary: Vocabulary) -> tuple[float, float]:
    """Nats a token with concepts and without."""
    concepts = Concepts(vocabulary, seed=2)
    rows = [(ids, concepts.of_sentence(ids)) for ids in map(vocabulary.ids, sentences)]
    speaker.eval()
    heard, deaf = (float(text_loss(speaker, rows, smoothing=0.0, deaf=deaf)) for deaf in (False, True))
    return heard, deaf
