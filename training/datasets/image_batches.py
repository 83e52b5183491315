"""Batches of images for the decoder, from the stored outputs of backbone and word detector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.datasets.captioned import label_numbers
from training.datasets.concept_tokens import PLAIN_TEMPLATES, ConceptSampler, ConceptSlots
from training.datasets.tokenized import Vocabulary, normalize_caption
from training.stages.detector import WORDS_FILE
from training.stages.features import FeatureStore, views_by_row
from training.stages.view_evidence import ViewEvidence
from workers.models.embedded.decoder_input import NOUN_SLOTS, DecoderInput, top_concepts
from workers.models.embedded.vision.backbone import GRID_SIDE
from workers.models.embedded.vision.visual_features import COLOR_CHANNELS, cell_features

NO_NOUNS: ConceptSlots = (np.zeros(NOUN_SLOTS, np.int64), np.zeros(NOUN_SLOTS, np.float32))


@dataclass(frozen=True, slots=True)
class Example:
    """A view with its concept slots, noun slots and target sentences; `is_mirrored`: its cells are mirrored."""

    view: int
    concepts: ConceptSlots
    nouns: ConceptSlots
    sentences: list[list[int]]
    is_mirrored: bool = False


class ImageBatches:
    """`evidence` is empty until the stage described sets it."""

    def __init__(self, features: FeatureStore, vocabulary: Vocabulary, folder: Path, seed: int = 4) -> None:
        self.features, self.vocabulary = features, vocabulary
        self.evidence = ViewEvidence.none(len(features.views))
        self.words = np.load(folder / WORDS_FILE, mmap_mode="r")
        self.views = views_by_row(features)
        self.captions = [[vocabulary.encode(caption) for caption in row.captions] for row in features.rows]
        self._sampler = ConceptSampler(vocabulary, seed)
        self._rng = np.random.default_rng(seed)
        self._label_numbers = label_numbers()

    def concepts(self, view: int) -> ConceptSlots:
        labels, words = self.features.labels[view].astype(np.float32), self.words[view].astype(np.float32)
        return top_concepts(self.vocabulary.labels, self.vocabulary.content, labels, words)

    def nouns(self, view: int) -> ConceptSlots:
        return self.evidence.nouns[view], self.evidence.noun_probabilities[view]

    def decoder_input(self, examples: Sequence[Example]) -> DecoderInput:
        views = np.array([example.view for example in examples])
        grid, coarse, pooled, colors = (
            torch.from_numpy(self.features.maps[name][views].astype(np.float32))
            for name in ("grid", "coarse", "pooled", "rgb")
        )
        concepts = _stack_slots([example.concepts for example in examples])
        nouns = _stack_slots([example.nouns for example in examples])
        kinds, people = (torch.from_numpy(part[views]) for part in (self.evidence.kinds, self.evidence.people))
        cells = cell_features(grid, coarse, colors)
        is_mirrored = torch.tensor([example.is_mirrored for example in examples])
        cells[is_mirrored] = mirror_cells(cells[is_mirrored])
        return DecoderInput(pooled[:, 0], cells, *concepts, kinds, people, *nouns)

    def inference_example(self, view: int) -> Example:
        """Return the view as at inference, without targets."""
        return Example(view, self.concepts(view), self.nouns(view), [])

    def training_example(self, row: int, sentences: int) -> Example:
        """Sample a view of the row and up to `sentences` captions, with concept dropout."""
        view = int(self._rng.choice(self.views[row]))
        if self.features.rows[row].wordnet:
            return self._object_example(row, view)
        captions = self.captions[row]
        picked = self._rng.choice(len(captions), min(sentences, len(captions)), replace=False)
        # The backbone was trained on mirrored images too: mirroring its output is nearly as good.
        is_mirrored = bool(self._rng.random() < 0.5)
        concepts, nouns = self._drop_concepts(self.concepts(view)), self._drop_concepts(self.nouns(view))
        return Example(view, concepts, nouns, [captions[n] for n in picked.tolist()], is_mirrored)

    def _object_example(self, row: int, view: int) -> Example:
        """Return a template sentence; six of ten labels are random, to teach copying from slots."""
        random_ids, random_slots = self._sampler.for_template(templates=PLAIN_TEMPLATES)
        if self._rng.random() < 0.6:
            return Example(view, random_slots, NO_NOUNS, [random_ids])
        label = self._label_numbers[self.features.rows[row].wordnet]
        ids, sampled = self._sampler.for_template(label, PLAIN_TEMPLATES)
        predicted = self.concepts(view)
        is_predicted = float(self.features.labels[view][label]) > 0.3
        nouns = self.nouns(view) if is_predicted else NO_NOUNS
        return Example(view, predicted if is_predicted else sampled, nouns, [ids])

    def _drop_concepts(self, concepts: ConceptSlots) -> ConceptSlots:
        kept = self._rng.random(len(concepts[0])) > 0.15
        return np.where(kept, concepts[0], 0), np.where(kept, concepts[1], 0).astype(np.float32)

    def references(self, row: int) -> list[str]:
        return [normalize_caption(caption) for caption in self.features.rows[row].captions]


def _stack_slots(slots: Sequence[ConceptSlots]) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(np.stack([ids for ids, _ in slots])), torch.from_numpy(np.stack([p for _, p in slots]))


def mirror_cells(cells: Tensor) -> Tensor:
    """Mirror (n, 81, 484), the four colors of each cell too."""
    n, _, channels = cells.shape
    mirrored = cells.view(n, GRID_SIDE, GRID_SIDE, channels).flip(2)
    features, colors = mirrored[..., :-COLOR_CHANNELS], mirrored[..., -COLOR_CHANNELS:]
    colors = colors.reshape(n, GRID_SIDE, GRID_SIDE, 2, 2, 3).flip(-2).flatten(-3)
    return torch.cat([features, colors], dim=-1).flatten(1, 2)
