"""Concept slots for training on text: synthetic outputs of detector and classifier, made from a sentence."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.datasets.tokenized import Vocabulary
from workers.models.embedded.decoder_input import LABEL_SLOTS, WORD_SLOTS, WORDS_PER_LABEL, fill_slots

ConceptSlots = tuple[NDArray[np.int64], NDArray[np.float32]]
# Without a place, for use with a photograph: the decoder would learn to invent where the thing is.
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


class ConceptSampler:
    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self._vocabulary = vocabulary
        self._rng = np.random.default_rng(seed)
        self._content = set(vocabulary.content)
        self._label_numbers = {tuple(name): number for number, name in reversed(list(enumerate(vocabulary.labels)))}

    def for_sentence(self, ids: Sequence[int]) -> ConceptSlots:
        """Sample slots: the sentence's words and label at high probability, others at low."""
        rng = self._rng
        own = [i for i in dict.fromkeys(ids) if i in self._content and rng.random() < 0.75]
        other = rng.choice(self._vocabulary.content, rng.integers(0, 6)).tolist()
        words = [(i, float(rng.uniform(0.2, 1.0))) for i in own]
        words += [(int(i), float(rng.uniform(0.05, 0.5))) for i in other if i not in ids]
        label = self._find_label(ids) if rng.random() < 0.8 else None
        return self._slots(self._random_labels(label), sorted(words, key=lambda pair: -pair[1]))

    def for_template(
        self, label: int | None = None, templates: Sequence[str] = TEMPLATES
    ) -> tuple[list[int], ConceptSlots]:
        """Sample a sentence about a label, random by default, with its slots."""
        number = int(self._rng.integers(len(self._vocabulary.labels))) if label is None else label
        template = templates[int(self._rng.integers(len(templates)))]
        name = self._vocabulary.decode(self._vocabulary.labels[number])
        ids = self._vocabulary.encode(template.format(f"{_article(name)} {name}"))
        words = [(i, float(self._rng.uniform(0.1, 0.6))) for i in ids if i in self._content][: WORD_SLOTS // 2]
        return ids, self._slots(self._random_labels(number, low=0.4), words)

    def _slots(self, labels: Sequence[tuple[int, float]], words: Sequence[tuple[int, float]]) -> ConceptSlots:
        """`labels`: class numbers, `words`: token ids, each with its probability."""
        return fill_slots([(self._vocabulary.labels[n], p) for n, p in labels], words)

    def _find_label(self, ids: Sequence[int]) -> int | None:
        for size in range(WORDS_PER_LABEL, 0, -1):
            for at in range(len(ids) - size + 1):
                number = self._label_numbers.get(tuple(ids[at : at + size]))
                if number is not None:
                    return number
        return None

    def _random_labels(self, first: int | None, low: float = 0.25) -> list[tuple[int, float]]:
        """Sample labels with falling probabilities, whose sum is at most one."""
        rng = self._rng
        labels = [int(n) for n in rng.integers(len(self._vocabulary.labels), size=LABEL_SLOTS)]
        top = float(rng.uniform(low, 1.0) if first is not None else rng.uniform(0.02, 0.5))
        if first is not None:
            labels[0] = first
        second = (1 - top) * float(rng.uniform(0.05, 0.7))
        third = (1 - top - second) * float(rng.uniform(0.05, 0.7))
        return list(zip(labels, (top, min(top, second), min(second, third)), strict=True))


def _article(name: str) -> str:
    return "an" if name[0] in "aeiou" else "a"
