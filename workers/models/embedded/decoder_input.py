"""The text decoder's input sequence: 123 embeddings for an image.

One for the whole image, 19 concept slots (the three most probable labels, up to three words each, then the ten most
probable detected words), 81 grid cells; then the evidence: one for the kind, one for the number of people, 20 noun
slots (five main nouns, then five present ones, two tokens each). The embedding of a concept or noun is the decoder's
own word embedding, normalized; with other embeddings the decoder ignores the concepts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from workers.models.embedded.evidence_heads import MIN_MAIN, MIN_PRESENT
from workers.models.embedded.vision.backbone import POOLED_CHANNELS
from workers.models.embedded.vision.visual_features import CELL_CHANNELS, GRID_CELLS
from workers.models.evidence import KINDS, PEOPLE, Evidence
from workers.models.text_decoder.beam_search import GenerationConfig

PAD, BOS, EOS, UNKNOWN = 0, 1, 2, 3
LABEL_SLOTS, WORDS_PER_LABEL, WORD_SLOTS = 3, 3, 10
CONCEPT_SLOTS = LABEL_SLOTS * WORDS_PER_LABEL + WORD_SLOTS
MAIN_NOUNS, PRESENT_NOUNS, WORDS_PER_NOUN = 5, 5, 2
NOUN_SLOTS = (MAIN_NOUNS + PRESENT_NOUNS) * WORDS_PER_NOUN
PROBABILITY_BINS = 12
HIDDEN_SIZE, HEADS, LAYERS = 384, 6, 2
# CIDEr of 1,000 images of Flickr8k and of 202 of COCO with 3 beams: 58.4 and 77.9; with 5: 58.8 and 83.1.
BEAMS = 5
# Above 1, because self-critical training makes captions short.
LENGTH_PENALTY = 1.5
MAX_TOKENS = 24  # of a sentence, BOS and EOS included
GENERATION = GenerationConfig(
    BEAMS, MAX_TOKENS - 1, no_repeat_ngram_size=0, eos_token_id=EOS, length_penalty=LENGTH_PENALTY
)
# A detected word below it is noise.
MIN_WORD_PROBABILITY = 0.08


@dataclass(slots=True)
class DecoderInput:
    """Features of n images: `pooled` (n, 1280), `cells` (n, 81, 484), `concepts` (n, 19) token ids, PAD in empty slots,
    and their `probabilities` (n, 19); of the evidence `kinds` (n, 14), `people` (n, 4), `nouns` (n, 20) token ids and
    their `noun_probabilities` (n, 20).
    """

    pooled: Tensor
    cells: Tensor
    concepts: Tensor
    probabilities: Tensor
    kinds: Tensor
    people: Tensor
    nouns: Tensor
    noun_probabilities: Tensor


class Projector(nn.Module):
    """Project a DecoderInput to embeddings (n, 123, hidden size).

    An empty concept slot is PAD's embedding, not a masked position: transformers 5.23 drops the cross-attention mask on
    its way to BlipTextSelfAttention, and the weights were trained so. Attributes are key names of model.safetensors.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.whole = nn.Sequential(nn.Linear(POOLED_CHANNELS, hidden_size), nn.LayerNorm(hidden_size))
        self.cell_scale = nn.LayerNorm(CELL_CHANNELS)
        self.cell = nn.Linear(CELL_CHANNELS, hidden_size)
        self.place = nn.Parameter(torch.zeros(GRID_CELLS, hidden_size))
        self.cell_norm = nn.LayerNorm(hidden_size)
        self.word_norm = nn.LayerNorm(hidden_size, elementwise_affine=False)
        self.slot = nn.Parameter(torch.zeros(CONCEPT_SLOTS, hidden_size))
        self.sureness = nn.Embedding(PROBABILITY_BINS, hidden_size)
        self.kind = nn.Linear(len(KINDS), hidden_size, bias=False)
        self.people = nn.Linear(len(PEOPLE), hidden_size, bias=False)
        self.noun_slot = nn.Parameter(torch.zeros(NOUN_SLOTS, hidden_size))
        self.noun_sureness = nn.Embedding(PROBABILITY_BINS, hidden_size)
        nn.init.normal_(self.place, std=0.02)
        nn.init.normal_(self.slot, std=0.1)
        nn.init.normal_(self.sureness.weight, std=0.1)
        nn.init.normal_(self.noun_slot, std=0.1)
        nn.init.normal_(self.noun_sureness.weight, std=0.1)
        nn.init.normal_(self.kind.weight, std=0.5)
        nn.init.normal_(self.people.weight, std=0.5)

    def embed_concepts(self, concepts: Tensor, probabilities: Tensor, word_embeddings: Tensor) -> Tensor:
        words = self._embed_words(concepts, word_embeddings)
        embedded: Tensor = words + self.slot + self.sureness(_bins(probabilities))
        return embedded

    def embed_evidence(self, source: DecoderInput, word_embeddings: Tensor) -> Tensor:
        """Return (n, 22, hidden size)."""
        words = self._embed_words(source.nouns, word_embeddings)
        nouns = words + self.noun_slot + self.noun_sureness(_bins(source.noun_probabilities))
        return torch.cat([self.kind(source.kinds)[:, None], self.people(source.people)[:, None], nouns], dim=1)

    def _embed_words(self, tokens: Tensor, word_embeddings: Tensor) -> Tensor:
        words: Tensor = self.word_norm(functional.embedding(tokens, word_embeddings, padding_idx=PAD))
        return words

    def forward(self, source: DecoderInput, word_embeddings: Tensor) -> Tensor:
        """`word_embeddings` (vocabulary, hidden size): the decoder's."""
        whole = self.whole(source.pooled)[:, None]
        cells = self.cell_norm(self.cell(self.cell_scale(source.cells)) + self.place)
        concepts = self.embed_concepts(source.concepts, source.probabilities, word_embeddings)
        return torch.cat([whole, concepts, cells, self.embed_evidence(source, word_embeddings)], dim=1)


def _bins(probabilities: Tensor) -> Tensor:
    return (probabilities.clamp(0, 0.999) * PROBABILITY_BINS).long()


def top_concepts(
    label_tokens: Sequence[Sequence[int]],
    word_tokens: Sequence[int],
    labels: NDArray[np.float32],
    words: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Fill the slots from (1000,) probabilities of `labels` and of `words`."""
    best_words = [
        int(n)
        for n in np.argsort(-words, kind="stable")[:WORD_SLOTS]
        if n < len(word_tokens) and words[n] >= MIN_WORD_PROBABILITY
    ]
    best_labels = [(int(n), float(labels[n])) for n in np.argsort(-labels, kind="stable")[:LABEL_SLOTS]]
    return fill_slots(
        [(label_tokens[n], p) for n, p in best_labels], [(word_tokens[n], float(words[n])) for n in best_words]
    )


def fill_slots(
    labels: Sequence[tuple[Sequence[int], float]], words: Sequence[tuple[int, float]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return (19,) token ids and (19,) probabilities."""
    ids, probabilities = np.full(CONCEPT_SLOTS, PAD), np.zeros(CONCEPT_SLOTS, dtype=np.float32)
    for slot, (name, probability) in enumerate(labels[:LABEL_SLOTS]):
        at = slot * WORDS_PER_LABEL
        ids[at : at + len(name)], probabilities[at : at + len(name)] = name, probability
    for at, (word, probability) in enumerate(words[:WORD_SLOTS], LABEL_SLOTS * WORDS_PER_LABEL):
        ids[at], probabilities[at] = word, probability
    return ids, probabilities


def noun_slots(
    evidence: Evidence, tokenize: Callable[[str], Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return (20,) token ids and (20,) probabilities: the surest main nouns, then the surest of the others."""
    main = sorted(evidence.nouns, key=lambda noun: -noun.main)[:MAIN_NOUNS]
    main = [noun for noun in main if noun.main >= MIN_MAIN]
    others = sorted((noun for noun in evidence.nouns if noun not in main), key=lambda noun: -noun.present)
    present = [noun for noun in others[:PRESENT_NOUNS] if noun.present >= MIN_PRESENT]
    ids, probabilities = np.full(NOUN_SLOTS, PAD), np.zeros(NOUN_SLOTS, dtype=np.float32)
    _fill_nouns(ids, probabilities, 0, [(tokenize(noun.noun), noun.main) for noun in main])
    _fill_nouns(ids, probabilities, MAIN_NOUNS, [(tokenize(noun.noun), noun.present) for noun in present])
    return ids, probabilities


def _fill_nouns(
    ids: NDArray[np.int64], probabilities: NDArray[np.float32], first: int, nouns: Iterable[tuple[Sequence[int], float]]
) -> None:
    """Write each noun's last tokens, which carry the meaning, from slot pair `first` on."""
    for number, (tokens, probability) in enumerate(nouns, first):
        at, kept = number * WORDS_PER_NOUN, tokens[-WORDS_PER_NOUN:]
        ids[at : at + len(kept)], probabilities[at : at + len(kept)] = kept, probability
