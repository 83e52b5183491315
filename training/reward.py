"""What a sampled caption is worth: CIDEr-D against the picture's own captions, and some BLEU-4.

On token ids, the end token among them: a reward that does not see the end teaches captions to stop at "with a".
CIDEr-D: Vedantam et al. 2015 (arXiv 1411.5726), section 5 and equation 9. BLEU: Papineni et al. 2002, one added to
the counts of two words and more, as Lin and Och 2004 smooth a single sentence.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 4
SIGMA = 6.0
CIDER_SCALE = 10.0
BLEU_SHARE = 0.5

Gram = tuple[int, ...]
Vector = dict[Gram, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """`vectors` and `lengths` of each size of gram; `counts` for BLEU; `size` in tokens."""

    vectors: list[Vector]
    lengths: list[float]
    counts: Counter[Gram]
    size: int


class Reward:
    """`pictures`: the token ids of each picture's captions, without the token of the beginning."""

    def __init__(self, pictures: Sequence[Sequence[Sequence[int]]]) -> None:
        found = Counter(
            gram for captions in pictures for gram in {gram for caption in captions for gram in grams(caption)}
        )
        self._total = math.log(max(2, len(pictures)))
        self._rarity = {gram: self._total - math.log(count) for gram, count in found.items()}
        self._references = [[self._reference(caption) for caption in captions] for captions in pictures]

    def __call__(self, picture: int, caption: Sequence[int]) -> float:
        """About 0 to 1.5."""
        told, references = self._reference(caption), self._references[picture]
        cider = sum(self._likeness(told, reference) for reference in references) / len(references)
        return cider + BLEU_SHARE * _bleu(told, references)

    def _reference(self, caption: Sequence[int]) -> Reference:
        counts = grams(caption)
        vectors: list[Vector] = [{} for _ in range(LONGEST)]
        for gram, count in counts.items():
            vectors[len(gram) - 1][gram] = count * self._rarity.get(gram, self._total)
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
