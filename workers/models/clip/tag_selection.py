"""Which terms become the tags of a picture: pure functions of how well each term fits it.

A fit is CLIP's logit: the cosine of picture and term times the checkpoint's scale, so that a difference of 1 is a
factor of e between two probabilities. What a fit means depends on the picture, so all limits are relative to the fits
of the whole vocabulary. Of thousands of terms the best is some 3.5 deviations above the mean by chance alone.
"""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singular
from workers.models.base import Tag
from workers.models.clip.vocabulary import Term

Fits = NDArray[np.float64]

# A term a twentieth as likely as the best, or in the crowd, is no tag.
WITHIN = 3.0
CROWD = 2.5
# As likely as not, where the crowd ends.
EVEN = 3.0
# A rival, or a closer name of a thing, must be more than a third as likely as the other.
NEARLY = 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """The fits of the shipped terms to one picture."""

    mean: float
    deviation: float
    best: float

    @classmethod
    def of(cls, fits: Fits) -> "Crowd":
        return cls(float(fits.mean()), float(fits.std()), float(fits.max()))

    @property
    def least(self) -> float:
        return max(self.best - WITHIN, self.mean + CROWD * self.deviation)

    def confidence(self, fit: float) -> float:
        """0..1, to four places; 0.5 at EVEN deviations above the mean."""
        return round(1.0 / (1.0 + math.exp(-min(60.0, max(-60.0, fit - self.mean - EVEN * self.deviation)))), 4)


@dataclass(frozen=True, slots=True)
class _Fit:
    term: Term
    fit: float


def tags_of(terms: Sequence[Term], fits: Fits, *, shipped: int, said: str = "") -> list[Tag]:
    """Best first. The first `shipped` terms are the vocabulary, what follows is an account's own; `said` is the
    caption, which the tags do not contradict.
    """
    crowd = Crowd.of(fits[:shipped])
    if crowd.deviation == 0.0:
        return []
    named = named_in(said, terms)
    # Stable, so that terms that fit alike keep the vocabulary's order.
    order = np.argsort(-fits, kind="stable")
    found = [_Fit(terms[i], float(fits[i])) for i in order if fits[i] >= crowd.least]
    heard = [_Fit(term, float(fit)) for term, fit in zip(terms, fits, strict=True) if term.text in named]
    kept = _one_name_each(_limited(_without_rivals(found, heard), heard))
    return [Tag(f.term.text, crowd.confidence(f.fit), f.term.kind, f.term.parent, f.term.number) for f in kept]


def hangs_on_rounding(fits: Fits, *, shipped: int, rounding: float) -> bool:
    """Whether fits of which each is off by `rounding` could make other tags, or the same in another order."""
    crowd = Crowd.of(fits[:shipped])
    rounding *= 2
    if np.any(np.abs(fits - crowd.least) < rounding):
        return True
    found = np.sort(fits[fits >= crowd.least])
    apart = found[:, None] - found[None, :]
    above = apart[np.tril_indices(len(found), -1)]
    return bool(np.any(above < rounding) or np.any(np.abs(above - NEARLY) < rounding))


# The vocabulary's own, and some captions.
@functools.lru_cache(maxsize=16384)
def words_of(text: str) -> tuple[str, ...]:
    """Singular, so that "cars" is "car"."""
    return tuple(singular(word) for word in re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", text.lower()))


def named_in(said: str, terms: Sequence[Term]) -> frozenset[str]:
    """The terms that stand in the caption; "hot dog" does not name a dog."""
    words = words_of(said)
    by_words = {words_of(term.text): term.text for term in reversed(terms)} if words else {}
    longest = max(map(len, by_words), default=0)
    named, place = set(), 0
    while place < len(words):
        sizes = range(min(longest, len(words) - place), 0, -1)
        size = next((size for size in sizes if words[place : place + size] in by_words), 0)
        if size:
            named.add(by_words[words[place : place + size]])
        place += size or 1
    return frozenset(named)


def _without_rivals(found: Sequence[_Fit], heard: Sequence[_Fit]) -> list[_Fit]:
    """Less the terms that another of their family, named by the caption or the surest, makes unlikely."""
    heads: dict[str, _Fit] = {}
    for fit in [*sorted(heard, key=lambda fit: -fit.fit), *found]:
        if fit.term.rivals:
            heads.setdefault(fit.term.rivals, fit)
    spoken = [fit.term for fit in heard]

    def stays(fit: _Fit) -> bool:
        head = heads.get(fit.term.rivals)
        if head is None or fit.fit > head.fit - NEARLY or fit.term in spoken:
            return True
        return any(_related(fit.term, term) for term in (head.term, *spoken))

    return [fit for fit in found if stays(fit)]


def _limited(found: Sequence[_Fit], heard: Sequence[_Fit]) -> list[_Fit]:
    """At most as many of a group as it allows, those that the caption names before the others. Where one is allowed
    and the caption names one, it has spoken.
    """
    spoken = {fit.term for fit in heard}
    left = {fit.term.group: fit.term.most for fit in found if fit.term.most}
    for term in spoken:
        if term.most == 1:
            left[term.group] = 0
        elif term.most and any(fit.term == term for fit in found):
            left[term.group] -= 1
    kept = []
    for fit in found:
        limited = bool(fit.term.most) and fit.term not in spoken
        if not limited or left[fit.term.group] > 0:
            kept.append(fit)
            left[fit.term.group] = left.get(fit.term.group, 0) - limited
    return kept


def _one_name_each(found: Sequence[_Fit]) -> list[_Fit]:
    """Less near-duplicates: of a thing and a closer name of it only one is a tag, the closer one if it is nearly as
    sure; the other is its parent.
    """
    kept: list[_Fit] = []
    wider = {fit.term.text: fit for fit in found}
    closer = {fit.term.parent for fit in found if _stands_for(fit, wider.get(fit.term.parent))}
    for fit in found:
        above = wider.get(fit.term.parent)
        twin = any(set(words_of(fit.term.text)) == set(words_of(other.term.text)) for other in kept)
        if not twin and fit.term.text not in closer and (above is None or _stands_for(fit, above)):
            kept.append(fit)
    return kept


def _stands_for(closer: _Fit, wider: _Fit | None) -> bool:
    return wider is not None and closer.fit > wider.fit - NEARLY


def _related(one: Term, other: Term) -> bool:
    return one.text in {other.text, other.parent} or one.parent == other.text
