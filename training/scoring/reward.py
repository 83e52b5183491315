"""The reward of a sampled caption: CIDEr-D against the image's own captions, plus half of BLEU-4 and of recall.

On token ids, EOS included: a reward without it trains captions that stop at "with a". CIDEr-D: Vedantam et al. 2015
(arXiv 1411.5726), section 5 and equation 9. BLEU: Papineni et al. 2002, with one added to the counts from bigrams on
(Lin and Och 2004). Recall: METEOR's F-measure of single words (Denkowski and Lavie 2014); without it captions become
short.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MAX_N = 4
SIGMA = 6.0
CIDER_SCALE = 10.0
BLEU_WEIGHT = 0.5
F_MEASURE_WEIGHT = 0.5
RECALL_WEIGHT = 0.85

Ngram = tuple[int, ...]
TfIdf = dict[Ngram, float]


@dataclass(frozen=True, slots=True)
class CaptionNgrams:
    """`vectors` (TF-IDF) and their `norms`, by n; `counts` of all n-grams; `size` in tokens."""

    vectors: list[TfIdf]
    norms: list[float]
    counts: Counter[Ngram]
    size: int


class _InverseDocumentFrequency:
    """A document is an image with all its captions."""

    def __init__(self, images: Sequence[Sequence[Sequence[int]]]) -> None:
        documents = Counter(
            ngram for captions in images for ngram in {ngram for caption in captions for ngram in ngrams(caption)}
        )
        self._max = math.log(max(2, len(images)))
        self._values = {ngram: self._max - math.log(count) for ngram, count in documents.items()}

    def of(self, ngram: Ngram) -> float:
        return self._values.get(ngram, self._max)


class Reward:
    """`images`: the token ids of each image's captions, without BOS; `subsets`: the dataset of each image.

    Frequencies are counted per dataset: a dog is rare in one and in every other image of another.
    """

    def __init__(self, images: Sequence[Sequence[Sequence[int]]], subsets: Sequence[str]) -> None:
        self._subsets = subsets
        self._idf = {
            name: _InverseDocumentFrequency(
                [captions for captions, subset in zip(images, subsets, strict=True) if subset == name]
            )
            for name in set(subsets)
        }
        self._references = [
            [self._ngrams(caption, subset) for caption in captions]
            for captions, subset in zip(images, subsets, strict=True)
        ]

    def __call__(self, image: int, caption: Sequence[int]) -> float:
        """Return about 0 to 2."""
        candidate, references = self._ngrams(caption, self._subsets[image]), self._references[image]
        cider = sum(_cider_d(candidate, reference) for reference in references) / len(references)
        return cider + BLEU_WEIGHT * _bleu(candidate, references) + F_MEASURE_WEIGHT * _f_measure(candidate, references)

    def _ngrams(self, caption: Sequence[int], subset: str) -> CaptionNgrams:
        counts, idf = ngrams(caption), self._idf[subset]
        vectors: list[TfIdf] = [{} for _ in range(MAX_N)]
        for ngram, count in counts.items():
            vectors[len(ngram) - 1][ngram] = count * idf.of(ngram)
        norms = [math.sqrt(sum(value * value for value in vector.values())) for vector in vectors]
        return CaptionNgrams(vectors, norms, counts, len(caption))


def ngrams(caption: Sequence[int]) -> Counter[Ngram]:
    return Counter(tuple(caption[at : at + n]) for n in range(1, MAX_N + 1) for at in range(len(caption) - n + 1))


def _cider_d(candidate: CaptionNgrams, reference: CaptionNgrams) -> float:
    total = 0.0
    for own, other, own_norm, other_norm in zip(
        candidate.vectors, reference.vectors, candidate.norms, reference.norms, strict=True
    ):
        if own_norm and other_norm:
            shared = sum(min(value, other[ngram]) * other[ngram] for ngram, value in own.items() if ngram in other)
            total += shared / (own_norm * other_norm)
    length_penalty = math.exp(-((candidate.size - reference.size) ** 2) / (2 * SIGMA**2))
    return CIDER_SCALE * total / MAX_N * length_penalty


def _bleu(candidate: CaptionNgrams, references: Sequence[CaptionNgrams]) -> float:
    clipped: Counter[Ngram] = Counter()
    for reference in references:
        clipped |= reference.counts
    matched = candidate.counts & clipped
    logs = 0.0
    for n in range(1, MAX_N + 1):
        right = sum(count for ngram, count in matched.items() if len(ngram) == n)
        possible = max(1, candidate.size - n + 1)
        added = 0 if n == 1 else 1
        if right + added == 0:
            return 0.0
        logs += math.log((right + added) / (possible + added))
    nearest = min((abs(reference.size - candidate.size), reference.size) for reference in references)[1]
    return math.exp(logs / MAX_N + min(0.0, 1 - nearest / max(1, candidate.size)))


def _f_measure(candidate: CaptionNgrams, references: Sequence[CaptionNgrams]) -> float:
    """Return the best F-measure of single words over the references."""
    best = 0.0
    for reference in references:
        shared = sum(count for ngram, count in (candidate.counts & reference.counts).items() if len(ngram) == 1)
        if shared:
            precision, recall = shared / candidate.size, shared / reference.size
            weighted = RECALL_WEIGHT * precision + (1 - RECALL_WEIGHT) * recall
            best = max(best, precision * recall / weighted)
    return best
