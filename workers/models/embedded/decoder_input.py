"""What the picture tells, as a row of tokens for the text decoder.

The row: one token of the whole picture, then concepts (the surest labels, up to three words each, then the words that
the detector is surest of), then the 81 cells of the grid. A concept's token is the decoder's own embedding of the word,
normalised: what is to be said looks like what is heard. Otherwise the decoder does not listen (notes in training/).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workers.models.embedded.vision.backbone import POOLED_CHANNELS
from workers.models.embedded.vision.visual_features import CELL_CHANNELS, CELLS
from workers.models.text_decoder.beam_search import GenerationConfig

PAD, BOS, EOS, UNKNOWN = 0, 1, 2, 3
LABELS, LABEL_WORDS, WORDS = 3, 3, 10
CONCEPTS = LABELS * LABEL_WORDS + WORDS
SURENESS_STEPS = 12
# The decoder's shape.
WIDTH, HEADS, LAYERS = 384, 6, 2
# CIDEr of 1,000 photographs of Flickr8k and of 202 of COCO with 3 beams: 58.4 and 77.9; with 5: 58.8 and 83.1.
BEAMS = 5
# Above 1: the rewarded decoder is short of words.
LENGTH_PENALTY = 1.5
LONGEST = 24  # tokens of a sentence, the first and the last among them
RULES = GenerationConfig(BEAMS, LONGEST - 1, no_repeat_ngram_size=0, eos_token_id=EOS, length_penalty=LENGTH_PENALTY)
# Below this a word of the detector is noise.
LEAST_WORD = 0.08


@dataclass(slots=True)
class Impression:
    """What the eye says of n pictures: `pooled` (n, 1280), `cells` (n, 81, 484), `concepts` (n, 19) token ids with PAD
    where there is none, and `sureness` (n, 19), probabilities.
    """

    pooled: Tensor
    cells: Tensor
    concepts: Tensor
    sureness: Tensor


class Bridge(nn.Module):
    """An impression to (n, 101, width); `words` (vocabulary, width) are the decoder's own.

    A concept that is not there is a token too, PAD's, and not masked: transformers 5.23 loses the mask of a cross
    attention on its way to BlipTextSelfAttention, and the weights were trained so.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.whole = nn.Sequential(nn.Linear(POOLED_CHANNELS, width), nn.LayerNorm(width))
        self.cell_scale = nn.LayerNorm(CELL_CHANNELS)
        self.cell = nn.Linear(CELL_CHANNELS, width)
        self.place = nn.Parameter(torch.zeros(CELLS, width))
        self.cell_norm = nn.LayerNorm(width)
        self.word_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.slot = nn.Parameter(torch.zeros(CONCEPTS, width))
        self.sureness = nn.Embedding(SURENESS_STEPS, width)
        nn.init.normal_(self.place, std=0.02)
        nn.init.normal_(self.slot, std=0.1)
        nn.init.normal_(self.sureness.weight, std=0.1)

    def concepts(self, concepts: Tensor, sureness: Tensor, words: Tensor) -> Tensor:
        heard: Tensor = self.word_norm(functional.embedding(concepts, words, padding_idx=PAD))
        step = (sureness.clamp(0, 0.999) * SURENESS_STEPS).long()
        answer: Tensor = heard + self.slot + self.sureness(step)
        return answer

    def forward(self, impression: Impression, words: Tensor) -> Tensor:
        whole = self.whole(impression.pooled)[:, None]
        cells = self.cell_norm(self.cell(self.cell_scale(impression.cells)) + self.place)
        return torch.cat([whole, self.concepts(impression.concepts, impression.sureness, words), cells], dim=1)


def concept_row(
    names: Sequence[Sequence[int]],
    content: Sequence[int],
    labels: NDArray[np.float32],
    words: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(19,) token ids and (19,) probabilities of the surest labels and words, from (1000,) probabilities of each."""
    best = [int(n) for n in np.argsort(-words, kind="stable")[:WORDS] if n < len(content) and words[n] >= LEAST_WORD]
    top = [(int(n), float(labels[n])) for n in np.argsort(-labels, kind="stable")[:LABELS]]
    return concepts_in_order([(names[n], p) for n, p in top], [(content[n], float(words[n])) for n in best])


def concepts_in_order(
    labels: Sequence[tuple[Sequence[int], float]], words: Sequence[tuple[int, float]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    ids, sure = np.full(CONCEPTS, PAD), np.zeros(CONCEPTS, dtype=np.float32)
    for slot, (name, probability) in enumerate(labels[:LABELS]):
        at = slot * LABEL_WORDS
        ids[at : at + len(name)], sure[at : at + len(name)] = name, probability
    for at, (word, probability) in enumerate(words[:WORDS], LABELS * LABEL_WORDS):
        ids[at], sure[at] = word, probability
    return ids, sure
