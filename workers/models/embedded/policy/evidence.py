"""Labels and detected words are witnesses: what none of them has seen is not told, however sure the decoder is."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.english.labels import Label
from workers.english.nouns import Lexicon, Mention, Noun, Reading
from workers.models.embedded.policy.concepts import read_concepts

# Of 43 validation sentences that told of an animal on less evidence for its own kind, 20 were right.
LEAST_ANIMAL = 0.15
# Above it there is an animal, whatever the sentence says.
SURE_ANIMAL = 0.6
# Of 103 training photographs of giraffes, which the net has no label for, none looked like one of these to it.
FAR_FROM_UNKNOWN = ("amphibian", "arthropod", "bird", "fish", "marine life", "reptile")
SURE_FAR = 0.5
# Charts, pages and drawings are as plain as photographs of goods, and were told as socks and wallets, 0.9 sure. All
# labels of things to wear together had less than 0.09 for each of 88 such pictures. Of 1,898 validation photographs one
# lost its sentence by what follows, socks that nobody else had seen.
_WORN = ("clothing", "accessory")
LEAST_WORN = 0.1
# For the one thing that is told of: by its own labels, or by the detector, which takes a chart for a watch up to 0.43.
LEAST_LABEL = 0.2
LEAST_WORD = 0.1
LEAST_WORN_WORD = 0.5


class Witnesses:
    """`nouns`: those that the detector knows, by their number. `labels` and `words`: (1000,) probabilities."""

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

    def sight_of(self, noun: str, words: NDArray[np.float32]) -> float:
        """The detector knows single words: of a grocery store either will do."""
        numbers = [number for word in (noun, *noun.split()) for number in self._words_of.get(word, ())]
        return max((float(words[number]) for number in numbers), default=0.0)

    def refute(self, reading: Reading, labels: NDArray[np.float32], words: NDArray[np.float32]) -> bool:
        """It tells of one thing or of an animal that nobody has seen, or of no animal where labels are sure of one."""
        things = reading.things
        kinds = {thing.noun.kind for thing in things}
        if kinds.isdisjoint({"animal", "person"}) and float(labels[self._animals].sum()) > SURE_ANIMAL:
            return True
        if things and things[0].noun.kind == "animal":
            return self._is_unseen_animal(things[0].noun, labels)
        return "person" not in kinds and self._is_unseen(things, labels, words)

    def _is_unseen_animal(self, noun: Noun, labels: NDArray[np.float32]) -> bool:
        relatives = self._relatives.get(noun.parent) if self._lexicon.is_label(noun) else None
        if relatives is not None:
            return float(labels[relatives].sum()) < LEAST_ANIMAL
        # The net has no giraffe; then any animal is a relative, but not a bird.
        evidence = (float(labels[self._relatives[far]].sum()) for far in FAR_FROM_UNKNOWN)
        return max(evidence) > SURE_FAR or float(labels[self._animals].sum()) < LEAST_ANIMAL

    def _is_unseen(self, things: Sequence[Mention], labels: NDArray[np.float32], words: NDArray[np.float32]) -> bool:
        if len(things) != 1:
            return False
        noun = things[0].noun
        is_worn = noun.kind in _WORN
        if is_worn and float(labels[self._worn].sum()) >= LEAST_WORN:
            return False
        own = float(labels[self._labels_of.get(noun.text, [])].sum())
        return own < LEAST_LABEL and self.sight_of(noun.text, words) < (LEAST_WORN_WORD if is_worn else LEAST_WORD)


def _of_kinds(labels: Sequence[Label], *kinds: str) -> NDArray[np.bool_]:
    return np.array([label.kind in kinds for label in labels])


def _relatives(labels: Sequence[Label]) -> dict[str, NDArray[np.bool_]]:
    """By an animal's wider word ("dog"), which labels speak for it; only for those that have a label."""
    concepts = {concept.name: concept for concept in read_concepts() if concept.kind == "animal" and concept.level == 1}
    parents = {label.parent for label in labels if label.kind == "animal"} | concepts.keys()
    found = {
        parent: np.array(
            [concepts[parent].covers(label) if parent in concepts else label.parent == parent for label in labels]
        )
        for parent in parents
    }
    return {parent: members for parent, members in found.items() if members.any()}
