"""Zero-shot tag selection from each term's logit: cosine similarity times the checkpoint's scale.

A difference of 1 is a factor of e in probability. The level depends on the image, so thresholds are relative to the
vocabulary's logits. By chance the best of thousands of terms is some 3.5 standard deviations above the mean.
"""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singularize
from workers.models.base import Tag
from workers.models.clip.vocabulary import Term

Logits = NDArray[np.float64]

# A twentieth of the best term's probability.
MAX_LOGITS_BELOW_BEST = 3.0
# In standard deviations of the vocabulary's logits.
MIN_DEVIATIONS_ABOVE_MEAN = 2.5
# Standard deviations above the mean where the confidence is 0.5.
EVEN_CONFIDENCE_DEVIATIONS = 3.0
# For rivals and for a parent and its specific term: a third of the other's probability.
MAX_LOGITS_BELOW_RIVAL = 1.0


@dataclass(frozen=True, slots=True)
class LogitDistribution:
    """Statistics of the vocabulary's logits for an image."""

    mean: float
    deviation: float
    best: float

    @classmethod
    def of(cls, logits: Logits) -> "LogitDistribution":
        return cls(float(logits.mean()), float(logits.std()), float(logits.max()))

    @property
    def threshold(self) -> float:
        return max(self.best - MAX_LOGITS_BELOW_BEST, self.mean + MIN_DEVIATIONS_ABOVE_MEAN * self.deviation)

    def confidence(self, logit: float) -> float:
        """Return the sigmoid, centered at EVEN_CONFIDENCE_DEVIATIONS, to four places."""
        centered = logit - self.mean - EVEN_CONFIDENCE_DEVIATIONS * self.deviation
        return round(1.0 / (1.0 + math.exp(-min(60.0, max(-60.0, centered)))), 4)


@dataclass(frozen=True, slots=True)
class _ScoredTerm:
    term: Term
    logit: float


def select_tags(terms: Sequence[Term], logits: Logits, *, vocabulary_size: int, caption: str = "") -> list[Tag]:
    """Return consistent tags, best first. Terms past `vocabulary_size` are the account's own."""
    distribution = LogitDistribution.of(logits[:vocabulary_size])
    if distribution.deviation == 0.0:
        return []
    texts = terms_in_caption(caption, terms)
    # Stable: equal logits keep the vocabulary's order.
    order = np.argsort(-logits, kind="stable")
    found = [_ScoredTerm(terms[i], float(logits[i])) for i in order if logits[i] >= distribution.threshold]
    in_caption = [
        _ScoredTerm(term, float(logit)) for term, logit in zip(terms, logits, strict=True) if term.text in texts
    ]
    kept = _drop_near_duplicates(_limit_groups(_drop_rivals(found, in_caption), in_caption))
    return [
        Tag(one.term.text, distribution.confidence(one.logit), one.term.kind, one.term.parent, one.term.number)
        for one in kept
    ]


def is_rounding_sensitive(logits: Logits, *, vocabulary_size: int, rounding: float) -> bool:
    """Return whether an error of `rounding` per logit could change the tags or their order."""
    distribution = LogitDistribution.of(logits[:vocabulary_size])
    rounding *= 2
    if np.any(np.abs(logits - distribution.threshold) < rounding):
        return True
    found = np.sort(logits[logits >= distribution.threshold])
    differences = (found[:, None] - found[None, :])[np.tril_indices(len(found), -1)]
    return bool(np.any(differences < rounding) or np.any(np.abs(differences - MAX_LOGITS_BELOW_RIVAL) < rounding))


# For the vocabulary and some captions.
@functools.lru_cache(maxsize=16384)
def singular_words(text: str) -> tuple[str, ...]:
    """Return lower-case singular words: "cars" as "car"."""
    return tuple(singularize(word) for word in re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", text.lower()))


def terms_in_caption(caption: str, terms: Sequence[Term]) -> frozenset[str]:
    """Return the terms in the caption, longest match first: "hot dog" does not contain "dog"."""
    words = singular_words(caption)
    by_words = {singular_words(term.text): term.text for term in reversed(terms)} if words else {}
    longest = max(map(len, by_words), default=0)
    found, place = set(), 0
    while place < len(words):
        sizes = range(min(longest, len(words) - place), 0, -1)
        size = next((size for size in sizes if words[place : place + size] in by_words), 0)
        if size:
            found.add(by_words[words[place : place + size]])
        place += size or 1
    return frozenset(found)


def _drop_rivals(found: Sequence[_ScoredTerm], in_caption: Sequence[_ScoredTerm]) -> list[_ScoredTerm]:
    """Drop terms much less likely than their family's term in the caption, else its best."""
    first_of_family: dict[str, _ScoredTerm] = {}
    for one in [*sorted(in_caption, key=lambda one: -one.logit), *found]:
        if one.term.rivals:
            first_of_family.setdefault(one.term.rivals, one)
    caption_terms = [one.term for one in in_caption]

    def is_kept(one: _ScoredTerm) -> bool:
        first = first_of_family.get(one.term.rivals)
        if first is None or one.logit > first.logit - MAX_LOGITS_BELOW_RIVAL or one.term in caption_terms:
            return True
        return any(_are_related(one.term, term) for term in (first.term, *caption_terms))

    return [one for one in found if is_kept(one)]


def _limit_groups(found: Sequence[_ScoredTerm], in_caption: Sequence[_ScoredTerm]) -> list[_ScoredTerm]:
    """Keep at most `max_tags` of a group, those in the caption first.

    A term in the caption fills a group of one, even if not found itself.
    """
    caption_terms = {one.term for one in in_caption}
    left = {one.term.group: one.term.max_tags for one in found if one.term.max_tags}
    for term in caption_terms:
        if term.max_tags == 1:
            left[term.group] = 0
        elif term.max_tags and any(one.term == term for one in found):
            left[term.group] -= 1
    kept = []
    for one in found:
        limited = bool(one.term.max_tags) and one.term not in caption_terms
        if not limited or left[one.term.group] > 0:
            kept.append(one)
            left[one.term.group] = left.get(one.term.group, 0) - limited
    return kept


def _drop_near_duplicates(found: Sequence[_ScoredTerm]) -> list[_ScoredTerm]:
    """Keep one of equal words, and of a term and its parent the specific one if nearly as likely."""
    kept: list[_ScoredTerm] = []
    by_text = {one.term.text: one for one in found}
    replaced = {one.term.parent for one in found if _replaces(one, by_text.get(one.term.parent))}
    for one in found:
        parent = by_text.get(one.term.parent)
        words = set(singular_words(one.term.text))
        duplicate = any(words == set(singular_words(other.term.text)) for other in kept)
        if not duplicate and one.term.text not in replaced and (parent is None or _replaces(one, parent)):
            kept.append(one)
    return kept


def _replaces(specific: _ScoredTerm, parent: _ScoredTerm | None) -> bool:
    return parent is not None and specific.logit > parent.logit - MAX_LOGITS_BELOW_RIVAL


def _are_related(one: Term, other: Term) -> bool:
    return one.text in {other.text, other.parent} or one.parent == other.text
