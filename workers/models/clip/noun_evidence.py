"""The vocabulary's nouns as evidence, with their wider nouns ("dog", "animal" for "beagle").

Not calibrated: no trained checkpoint was available when this was written. The constants are choices, not measurements.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singularize
from workers.english.nouns import read_nouns
from workers.models.clip.vocabulary import Term
from workers.models.clip.zero_shot import Logits, distance_to_rounding, softmax
from workers.models.evidence import NounEvidence

MAX_NOUNS = 30
# Divides the logits. Nearer 1 than that of the kinds: among thousands of terms no probability is high by chance.
TEMPERATURE = 1.25
# Where `present` is 0.5, in standard deviations above the mean. By chance the best of thousands has some 3.5.
EVEN_DEVIATIONS = 4.0
# Probabilities and the logit of EVEN_DEVIATIONS are rounded, so that another batch's rounding changes nothing: of
# simulated normal logits one image in eleven is sensitive, with the classes' logits.
MAIN_STEP = 0.01
PRESENT_STEP = 0.05
LOGIT_STEP = 0.1


@dataclass(frozen=True, slots=True)
class NounHead:
    """`terms`: places in the vocabulary of the terms that name things. Pair i: noun `pair_noun[i]` of `nouns` is a name
    of what the term at `pair_term[i]` of `terms` names, as its own or as a wider noun.
    """

    terms: NDArray[np.intp]
    nouns: tuple[str, ...]
    pair_noun: NDArray[np.intp]
    pair_term: NDArray[np.intp]

    def evidence(self, logits: Logits) -> tuple[NounEvidence, ...]:
        """Return at most MAX_NOUNS, best first, of equals the narrower. `logits`: of the whole vocabulary."""
        if not len(self.terms):
            return ()
        main, present = self._probabilities(logits)
        main = _rounded(main, MAIN_STEP)
        present = np.maximum(main, _rounded(present, PRESENT_STEP))
        # Stable: of equals the narrower, by the order of `nouns`.
        order = np.lexsort((-present, -main))[:MAX_NOUNS]
        return tuple(NounEvidence(self.nouns[i], float(main[i]), float(present[i])) for i in order if present[i])

    def is_rounding_sensitive(self, logits: Logits, *, rounding: float) -> bool:
        """Return whether an error of `rounding` per logit could change the evidence."""
        if not len(self.terms):
            return False
        if distance_to_rounding(_even_logit(logits[self.terms]), LOGIT_STEP)[0] <= rounding * (1 + EVEN_DEVIATIONS):
            return True
        main, present = self._probabilities(logits)
        error = rounding / TEMPERATURE
        # A softmax's odds change by a factor of e ** (2 * error) at most, a sigmoid's of e ** error.
        return _may_round_otherwise(main, MAIN_STEP, 2 * error) or _may_round_otherwise(present, PRESENT_STEP, error)

    def _probabilities(self, logits: Logits) -> tuple[Logits, Logits]:
        """Return `main`, the sum over a noun's terms of the softmax, and `present`, the maximum of the sigmoid."""
        own = logits[self.terms]
        even = np.round(_even_logit(own) / LOGIT_STEP) * LOGIT_STEP
        sigmoid = 1.0 / (1.0 + np.exp(-np.clip((own - even) / TEMPERATURE, -60.0, 60.0)))
        main = np.bincount(self.pair_noun, softmax(own, TEMPERATURE)[self.pair_term], len(self.nouns))
        present = np.zeros(len(self.nouns))
        np.maximum.at(present, self.pair_noun, sigmoid[self.pair_term])
        return main.clip(0.0, 1.0), present


def noun_head(vocabulary: Sequence[Term]) -> NounHead:
    lexicon = {noun.text: noun.kind for noun in read_nouns()}
    places = [place for place, term in enumerate(vocabulary) if _is_thing(term, lexicon)]
    parents = {vocabulary[place].text: vocabulary[place].parent for place in places}
    terms_of: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        term = vocabulary[place]
        for text in dict.fromkeys(_singular(text, lexicon) for text in (term.text, *_wider(term, parents))):
            terms_of.setdefault(text, []).append(number)
    # The narrower first; stable, by the vocabulary's order.
    nouns = sorted(terms_of, key=lambda noun: len(terms_of[noun]))
    pairs = np.array(
        [(at, number) for at, noun in enumerate(nouns) for number in terms_of[noun]], dtype=np.intp
    ).reshape(-1, 2)
    return NounHead(np.array(places, dtype=np.intp), tuple(nouns), pairs[:, 0], pairs[:, 1])


def _is_thing(term: Term, lexicon: Mapping[str, str]) -> bool:
    """Return whether the term names a thing; of people only whole ones, no hair and no crossed arms."""
    if term.kind == "person":
        return lexicon.get(term.text) == "person"
    return term.kind not in {"", "material"}


def _wider(term: Term, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield the term's parent, its parent's and so on, then what its whole group is."""
    seen, parent = {term.text}, term.parent
    while parent and parent not in seen:
        yield parent
        seen.add(parent)
        parent = parents.get(parent, "")
    # The names of families of rivals are nouns.
    if family := term.rivals or ("food" if term.kind == "food" else ""):
        yield family


def _singular(text: str, lexicon: Mapping[str, str]) -> str:
    """Return "coin" for "coins", but "jeans", and the text where the lexicon has neither."""
    words = text.split()
    singular = " ".join([*words[:-1], singularize(words[-1])])
    return singular if text not in lexicon and singular in lexicon else text


def _even_logit(logits: Logits) -> Logits:
    """Return (1,)."""
    return np.array([logits.mean() + EVEN_DEVIATIONS * logits.std()])


def _rounded(probabilities: Logits, step: float) -> Logits:
    """Return multiples of `step` as the nearest decimals: 0.15, not 0.15000000000000002."""
    rounded: Logits = np.round(np.round(probabilities / step) * step, 2)
    return rounded


def _may_round_otherwise(probabilities: Logits, step: float, error: float) -> bool:
    """Return whether an error of the log-odds could change a rounded probability."""
    # The slope of the sigmoid, with a margin for its curvature.
    errors = 1.1 * error * probabilities * (1 - probabilities)
    return bool(np.any(distance_to_rounding(probabilities, step) <= errors))
