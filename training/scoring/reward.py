"""What a sampled caption is worth: CIDEr-D against the picture's own captions, some BLEU-4, and some recall.

On token ids, the end token among them: a reward that does not see the end teaches captions to stop at "with a".
CIDEr-D: Vedantam et al. 2015 (arXiv 1411.5726), section 5 and equation 9. BLEU: Papineni et al. 2002, one added to
the counts of two words and more, as Lin and Och 2004 smooth a single sentence. Recall: the F-measure of single words
that METEOR begins with, its weight of recall 0.85 (Denkowski and Lavie 2014); without it captions turn short.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 4
SIGMA = 6.0
CIDER_SCALE = 10.0
BLEU_SHARE = 0.5
RECALL_SHARE = 0.5
RECALL_WEIGHT = 0.85

Gram = tuple[int, ...]
Vector = dict[Gram, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """`vectors` and `lengths` of each size of gram; `counts` for BLEU; `size` in tokens."""

    vectors: list[Vector]
    lengths: list[float]
    counts: Counter[Gram]
    size: int


class _Rarity:
    """Inverse document frequency, a picture being a document."""

    def __init__(self, pictures: Sequence[Sequence[Sequence[int]]]) -> None:
        found = Counter(
            gram for captions in pictures for gram in {gram for caption in captions for gram in grams(caption)}
        )
        self._most = math.log(max(2, len(pictures)))
        self._of = {gram: self._most - math.log(count) for gram, count in found.items()}

    def of(self, gram: Gram) -> float:
        return self._of.get(gram, self._most)


class Reward:
    """`pictures`: the token ids of each picture's captions, without the token of the beginning; `sets`: the name of the
    set that each is from, for what is rare in one (dogs) is in every second picture of another.
    """

    def __init__(self, pictures: Sequence[Sequence[Sequence[int]]], sets: Sequence[str]) -> None:
        self._sets = sets
        self._rarities = {
            name: _Rarity([p for p, of in zip(pictures, sets, strict=True) if of == name]) for name in set(sets)
        }
        self._references = [
            [self._reference(caption, name) for caption in captions]
            for captions, name in zip(pictures, sets, strict=True)
        ]

    def __call__(self, picture: int, caption: Sequence[int]) -> float:
        """About 0 to 2."""
        told, references = self._reference(caption, self._sets[picture]), self._references[picture]
        cider = sum(self._likeness(told, reference) for reference in references) / len(references)
        return cider + BLEU_SHARE * _bleu(told, references) + RECALL_SHARE * _recall(told, references)

    def _reference(self, caption: Sequence[int], name: str) -> Reference:
        counts, rarity = grams(caption), self._rarities[name]
        vectors: list[Vector] = [{} for _ in range(LONGEST)]
        for gram, count in counts.items():
            vectors[len(gram) - 1][gram] = count * rarity.of(gram)
        lengths = [math.sqrt(sum(value * value for value in vector.values())) for vector in vectors]
        return Reference(vectors, lengths, counts, len(caption))

    def _likeness(self, told: Reference, true: Reference) -> float:
        total = 0.0
        for mine, theirs, length, other in zip(told.vectors, true.vectors, told.lengths, true.lengths, strict=True):
            if length and other:
                shared = sum(min(value, theirs[gram]) * theirs[gram] for gram, value in mine.items() if gram in theirs)
                total += shared / (length * other)
        return CIDER_SCALE * total / LONGEST * math.exp(-((told.size - true.size) ** 2) / (2 * SIGMA**2))


def grams(caption: Sequence[int]) -> Counter[Gram]:
    return Counter(
        tuple(caption[at : at + size]) for size in range(1, LONGEST + 1) for at in range(len(caption) - size + 1)
    )


def _bleu(told: Reference, references: Sequence[Reference]) -> float:
    most: Counter[Gram] = Counter()
    for reference in references:
        most |= reference.counts
    kept = told.counts & most
    logs = 0.0
    for size in range(1, LONGEST + 1):
        right = sum(count for gram, count in kept.items() if len(gram) == size)
        possible = max(1, told.size - size + 1)
        added = 0 if size == 1 else 1
        if right + added == 0:
            return 0.0
        logs += math.log((right + added) / (possible + added))
    nearest = min((abs(reference.size - told.size), reference.size) for reference in references)[1]
    return math.exp(logs / LONGEST + min(0.0, 1 - nearest / max(1, told.size)))


def _recall(told: Reference, references: Sequence[Reference]) -> float:
    """Against the reference that it is best against."""
    best = 0.0
    for reference in references:
        shared = sum(count for gram, count in (told.counts & reference.counts).items() if len(gram) == 1)
        if shared:
            precision, recall = shared / told.size, shared / reference.size
            best = max(best, precision * recall / (RECALL_WEIGHT * precision + (1 - RECALL_WEIGHT) * recall))
    return best
