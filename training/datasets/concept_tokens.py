"""Concept tokens for training: what detector and classifier would say, made up from a sentence or read from them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets.tokenized import Vocabulary
from workers.models.embedded.decoder_input import LABEL_WORDS, LABELS, WORDS, concepts_in_order

Pair = tuple[NDArray[np.int64], NDArray[np.float32]]
# With a photograph beside it a template must not tell where the thing is: the decoder would learn to make it up.
PLAIN_TEMPLATES = ("{}", "a close up of {}")
TEMPLATES = (
    *PLAIN_TEMPLATES,
    "{} on a white background",
    "{} on a table",
    "{} sitting on a wooden table",
    "{} in the grass",
    "{} in front of a building",
    "{} on the ground",
    "a close up view of {}",
    "{} in a room",
)


class Concepts:
    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self._vocabulary = vocabulary
        self._chance = np.random.default_rng(seed)
        self._content = set(vocabulary.content)
        self._names = {tuple(name): number for number, name in reversed(list(enumerate(vocabulary.labels)))}

    def of_sentence(self, ids: Sequence[int]) -> Pair:
        """Some of the sentence's own words, surer, among some that are not in it; likewise its label, if it has one."""
        chance = self._chance
        own = [i for i in dict.fromkeys(ids) if i in self._content and chance.random() < 0.75]
        other = chance.choice(self._vocabulary.content, chance.integers(0, 6)).tolist()
        words = [(i, float(chance.uniform(0.2, 1.0))) for i in own]
        words += [(int(i), float(chance.uniform(0.05, 0.5))) for i in other if i not in ids]
        label = self._label_in(ids) if chance.random() < 0.8 else None
        return self.row(self._random_labels(label), sorted(words, key=lambda pair: -pair[1]))

    def of_template(self, label: int | None = None, templates: Sequence[str] = TEMPLATES) -> tuple[list[int], Pair]:
        """A sentence about a label, drawn by chance where none is given, and what the eye would say of it."""
        number = int(self._chance.integers(len(self._vocabulary.labels))) if label is None else label
        template = templates[int(self._chance.integers(len(templates)))]
        name = self._vocabulary.text(self._vocabulary.labels[number])
        ids = self._vocabulary.ids(template.format(f"{_article(name)} {name}"))
        words = [(i, float(self._chance.uniform(0.1, 0.6))) for i in ids if i in self._content][: WORDS // 2]
        return ids, self.row(self._random_labels(number, low=0.4), words)

    def row(self, labels: Sequence[tuple[int, float]], words: Sequence[tuple[int, float]]) -> Pair:
        """`labels` are class numbers, `words` token ids, each with its probability."""
        return concepts_in_order([(self._vocabulary.labels[n], p) for n, p in labels], words)

    def _label_in(self, ids: Sequence[int]) -> int | None:
        for size in range(LABEL_WORDS, 0, -1):
            for at in range(len(ids) - size + 1):
                number = self._names.get(tuple(ids[at : at + size]))
                if number is not None:
                    return number
        return None

    def _random_labels(self, first: int | None, low: float = 0.25) -> list[tuple[int, float]]:
        """Falling probabilities that add up to one at most, as a classifier's do."""
        chance = self._chance
        labels = [int(n) for n in chance.integers(len(self._vocabulary.labels), size=LABELS)]
        top = float(chance.uniform(low, 1.0) if first is not None else chance.uniform(0.02, 0.5))
        if first is not None:
            labels[0] = first
        second = (1 - top) * float(chance.uniform(0.05, 0.7))
        third = (1 - top - second) * float(chance.uniform(0.05, 0.7))
        return list(zip(labels, (top, min(top, second), min(second, third)), strict=True))


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"
