"""Check a sentence against label and word probabilities: what neither supports is rejected at any confidence."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.english.labels import Label
from workers.english.nouns import Lexicon, Mention, Noun, Reading
from workers.models.embedded.policy.concepts import read_concepts

# Of 43 validation sentences with an animal on less evidence for its own kind, 20 were right.
MIN_ANIMAL = 0.15
# Above it a sentence without an animal is rejected.
CONFIDENT_ANIMAL = 0.6
# None of 103 training photographs of giraffes, which have no label, was classified as one of these.
UNLIKE_UNLABELLED = ("amphibian", "arthropod", "bird", "fish", "marine life", "reptile")
CONFIDENT_UNLIKE = 0.5
# Charts, pages and drawings resemble product photographs: unchecked they become socks and wallets, at confidence 0.9.
# All clothing labels together had less than 0.09 for each of 88 such images. Of 1,898 validation photographs this
# rejects one sentence, about socks that nothing else supported.
_WORN = ("clothing", "accessory")
MIN_WORN = 0.1
# For the only thing of a sentence: its own labels, or the detector, which gives "watch" up to 0.43 on a chart.
MIN_LABEL = 0.2
MIN_WORD = 0.1
MIN_WORN_WORD = 0.5


class Evidence:
    """`nouns`: the detected nouns by their number. `labels` and `words`: (1000,) probabilities."""

    def __init__(self, labels: Sequence[Label], lexicon: Lexicon, nouns: Mapping[int, str]) -> None:
        self._lexicon = lexicon
        self._animals = _of_kinds(labels, "animal")
        self._worn = _of_kinds(labels, *_WORN)
        self._relatives = _relatives(labels)
        self._labels_of: dict[str, list[int]] = {}
        for number, label in enumerate(labels):
            for word in lexicon.words_of(label).all:
                self._labels_of.setdefault(word, []).append(number)
        self._words_of: dict[str, list[int]] = {}
        for number, noun in nouns.items():
            self._words_of.setdefault(noun, []).append(number)

    def word_probability(self, noun: str, words: NDArray[np.float32]) -> float:
        """Return the highest probability of the noun or one of its words: the detector has single words only."""
        numbers = [number for word in (noun, *noun.split()) for number in self._words_of.get(word, ())]
        return max((float(words[number]) for number in numbers), default=0.0)

    def contradicts(self, reading: Reading, labels: NDArray[np.float32], words: NDArray[np.float32]) -> bool:
        """Return whether its only thing or its animal lacks evidence, or an evident animal is missing."""
        things = reading.things
        kinds = {thing.noun.kind for thing in things}
        if kinds.isdisjoint({"animal", "person"}) and float(labels[self._animals].sum()) > CONFIDENT_ANIMAL:
            return True
        if things and things[0].noun.kind == "animal":
            return self._is_unsupported_animal(things[0].noun, labels)
        return "person" not in kinds and self._is_unsupported(things, labels, words)

    def _is_unsupported_animal(self, noun: Noun, labels: NDArray[np.float32]) -> bool:
        relatives = self._relatives.get(noun.parent) if self._lexicon.is_label(noun) else None
        if relatives is not None:
            return float(labels[relatives].sum()) < MIN_ANIMAL
        # An animal without a label, such as a giraffe: any animal label counts but those in UNLIKE_UNLABELLED.
        evidence = (float(labels[self._relatives[parent]].sum()) for parent in UNLIKE_UNLABELLED)
        return max(evidence) > CONFIDENT_UNLIKE or float(labels[self._animals].sum()) < MIN_ANIMAL

    def _is_unsupported(
        self, things: Sequence[Mention], labels: NDArray[np.float32], words: NDArray[np.float32]
    ) -> bool:
        if len(things) != 1:
            return False
        noun = things[0].noun
        is_worn = noun.kind in _WORN
        if is_worn and float(labels[self._worn].sum()) >= MIN_WORN:
            return False
        own = float(labels[self._labels_of.get(noun.text, [])].sum())
        return own < MIN_LABEL and self.word_probability(noun.text, words) < (MIN_WORN_WORD if is_worn else MIN_WORD)


def _of_kinds(labels: Sequence[Label], *kinds: str) -> NDArray[np.bool_]:
    return np.array([label.kind in kinds for label in labels])


def _relatives(labels: Sequence[Label]) -> dict[str, NDArray[np.bool_]]:
    """Return the member labels of each wider word for an animal ("dog")."""
    concepts = {concept.name: concept for concept in read_concepts() if concept.kind == "animal" and concept.level == 1}
    parents = {label.parent for label in labels if label.kind == "animal"} | concepts.keys()
    found = {
        parent: np.array(
            [concepts[parent].covers(label) if parent in concepts else label.parent == parent for label in labels]
        )
        for parent in parents
    }
    return {parent: members for parent, members in found.items() if members.any()}
