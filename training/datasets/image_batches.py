"""What the backbone and the detector wrote down of every view, as batches for the decoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.datasets.captioned import label_numbers
from training.datasets.concept_tokens import PLAIN_TEMPLATES, Concepts, Pair
from training.datasets.tokenized import Vocabulary, clean
from training.stages.detector import WORDS
from training.stages.features import Features, views_of_rows
from workers.models.embedded.decoder_input import Impression, concept_row
from workers.models.embedded.vision.backbone import TOP_CELLS
from workers.models.embedded.vision.visual_features import COLORS, cells


@dataclass(frozen=True, slots=True)
class Example:
    """A view, the concept tokens to show with it, and the sentences to say, as token ids. `is_mirrored`: its cells are
    shown with left and right exchanged.
    """

    view: int
    concepts: Pair
    sentences: list[list[int]]
    is_mirrored: bool = False


class Pictures:
    def __init__(self, features: Features, vocabulary: Vocabulary, folder: Path, seed: int = 4) -> None:
        self.features, self.vocabulary = features, vocabulary
        self.words = np.load(folder / WORDS, mmap_mode="r")
        self.views = views_of_rows(features)
        self.captions = [[vocabulary.ids(caption) for caption in row.captions] for row in features.rows]
        self._concepts = Concepts(vocabulary, seed)
        self._chance = np.random.default_rng(seed)
        self._label_of_wordnet = label_numbers()

    def concepts(self, view: int) -> Pair:
        """What the classifier and the detector say of it."""
        labels, words = self.features.labels[view].astype(np.float32), self.words[view].astype(np.float32)
        return concept_row(self.vocabulary.labels, self.vocabulary.content, labels, words)

    def sight(self, examples: Sequence[Example]) -> Impression:
        views = np.array([example.view for example in examples])
        grid, coarse, pooled, colors = (
            torch.from_numpy(self.features.maps[name][views].astype(np.float32))
            for name in ("grid", "coarse", "pooled", "rgb")
        )
        heard = torch.from_numpy(np.stack([example.concepts[0] for example in examples]))
        sure = torch.from_numpy(np.stack([example.concepts[1] for example in examples]))
        seen = cells(grid, coarse, colors)
        turned = torch.tensor([example.is_mirrored for example in examples])
        seen[turned] = mirrored(seen[turned])
        return Impression(pooled[:, 0], seen, heard, sure)

    def shown(self, view: int) -> Example:
        """As the service will see it, for evaluation."""
        return Example(view, self.concepts(view), [])

    def example(self, row: int, sentences: int) -> Example:
        """For training: one view by chance, and some of its captions."""
        view = int(self._chance.choice(self.views[row]))
        if self.features.rows[row].wordnet:
            return self._object(row, view)
        captions = self.captions[row]
        picked = self._chance.choice(len(captions), min(sentences, len(captions)), replace=False)
        # The backbone saw every picture of ImageNet both ways: turning what it said is nearly as good as asking again.
        turned = bool(self._chance.random() < 0.5)
        return Example(view, self._dropped(self.concepts(view)), [captions[n] for n in picked.tolist()], turned)

    def _object(self, row: int, view: int) -> Example:
        """A label and a template sentence, in six of ten not the true label: what is heard is to be said."""
        ids, made_up = self._concepts.of_template(templates=PLAIN_TEMPLATES)
        if self._chance.random() < 0.6:
            return Example(view, made_up, [ids])
        label = self._label_of_wordnet[self.features.rows[row].wordnet]
        ids, told = self._concepts.of_template(label, PLAIN_TEMPLATES)
        seen = self.concepts(view)
        is_sure = float(self.features.labels[view][label]) > 0.3
        return Example(view, seen if is_sure else told, [ids])

    def _dropped(self, pair: Pair) -> Pair:
        kept = self._chance.random(len(pair[0])) > 0.15
        return np.where(kept, pair[0], 0), np.where(kept, pair[1], 0).astype(np.float32)

    def references(self, row: int) -> list[str]:
        return [clean(caption) for caption in self.features.rows[row].captions]


def mirrored(cells: Tensor) -> Tensor:
    """(n, 81, 484): left and right exchanged, among the four colours of each cell too."""
    n, _, channels = cells.shape
    turned = cells.view(n, TOP_CELLS, TOP_CELLS, channels).flip(2)
    said, colors = turned[..., :-COLORS], turned[..., -COLORS:]
    colors = colors.reshape(n, TOP_CELLS, TOP_CELLS, 2, 2, 3).flip(-2).flatten(-3)
    return torch.cat([said, colors], dim=-1).flatten(1, 2)
