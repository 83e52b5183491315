"""Train the text decoder on sentences alone, with concept slots made from them.

The concept ablation measures whether it uses the slots: the likelihood of held-out sentences with and without them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.caption_model import CaptionModel
from training.datasets.concept_tokens import ConceptSampler, ConceptSlots
from training.datasets.tokenized import Vocabulary
from training.fit import Schedule, fit
from workers.models.embedded.decoder_input import PAD

BATCH = 64
TEMPLATE_SHARE = 0.08
RATE = 1.2e-3


def train_on_text(
    model: CaptionModel, sentences: Sequence[str], vocabulary: Vocabulary, folder: Path, steps: int
) -> CaptionModel:
    sampler = ConceptSampler(vocabulary, seed=1)
    batches = _batches([vocabulary.encode(sentence) for sentence in sentences], steps)

    def loss_of(step: int) -> Tensor:
        rows = [(ids, sampler.for_sentence(ids)) for ids in batches[step]]
        rows += [sampler.for_template() for _ in range(int(BATCH * TEMPLATE_SHARE))]
        return text_loss(model, rows)

    averaged = fit(model, loss_of, Schedule(steps, {"": RATE}), folder / "text.pt", "text")
    assert isinstance(averaged, CaptionModel)
    return averaged


def _batches(sentences: list[list[int]], steps: int) -> list[list[list[int]]]:
    """Return batches of sentences of similar length, in random order."""
    rng = np.random.default_rng(1)
    order = rng.permutation(len(sentences))
    batches: list[list[list[int]]] = []
    while len(batches) < steps:
        for at in range(0, len(order), BATCH * 50):
            pool = sorted(order[at : at + BATCH * 50].tolist(), key=lambda n: len(sentences[n]))
            batches += [[sentences[n] for n in pool[i : i + BATCH]] for i in range(0, len(pool), BATCH)]
    return [batches[n] for n in rng.permutation(len(batches))[:steps]]


def text_loss(
    model: CaptionModel,
    rows: Sequence[tuple[list[int], ConceptSlots]],
    *,
    smoothing: float = 0.1,
    ablate_concepts: bool = False,
) -> Tensor:
    ids = pad([row for row, _ in rows])
    concepts = torch.from_numpy(np.stack([slots[0] for _, slots in rows]))
    probabilities = torch.from_numpy(np.stack([slots[1] for _, slots in rows]))
    if ablate_concepts:
        concepts = torch.full_like(concepts, PAD)
    embeddings = model.bridge.embed_concepts(concepts, probabilities, model.word_embeddings)
    hidden = model.decoder.bert(
        ids[:, :-1],
        attention_mask=(ids[:, :-1] != PAD).long(),
        encoder_hidden_states=embeddings,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state
    targets = ids[:, 1:]
    logits = model.decoder.cls(hidden[targets != PAD])
    return functional.cross_entropy(logits, targets[targets != PAD], label_smoothing=smoothing)


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])


@torch.no_grad()
def concept_ablation(model: CaptionModel, sentences: Sequence[str], vocabulary: Vocabulary) -> tuple[float, float]:
    """Return nats a token with concepts and without."""
    sampler = ConceptSampler(vocabulary, seed=2)
    rows = [(ids, sampler.for_sentence(ids)) for ids in map(vocabulary.encode, sentences)]
    model.eval()
    with_concepts, without = (
        float(text_loss(model, rows, smoothing=0.0, ablate_concepts=ablate)) for ablate in (False, True)
    )
    return with_concepts, without
