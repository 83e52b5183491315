"""The decoder's tokens that name things, so that a search can go without those that no evidence supports."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from workers.english.lexicon import lexicon
from workers.english.nouns import ADJECTIVES, Mention
from workers.models.evidence import Evidence
from workers.models.noun_support import LEAST_PRESENT, NounSupport, names_of


class _NounOfToken(NamedTuple):
    names: frozenset[str]
    parent: str


class NounTokens:
    """`vocabulary`: token ids by word; pieces of words, verbs ("saw") and adjectives ("orange") are no noun tokens."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        words = ((word, token) for word, token in vocabulary.items() if word.isalpha() and word not in ADJECTIVES)
        found = ((token, _thing(word)) for word, token in words)
        self._nouns = {
            token: _NounOfToken(frozenset(names_of(thing.noun)), thing.noun.parent) for token, thing in found if thing
        }

    def unsupported(self, evidence: Evidence, among: Iterable[int] | None = None) -> list[int]:
        """Return the tokens of nouns with less evidence than LEAST_PRESENT, of all tokens or `among` some; none without
        evidence of nouns.
        """
        if not evidence.nouns:
            return []
        support = NounSupport(evidence)
        tokens = self._nouns.keys() if among is None else self._nouns.keys() & set(among)
        return [token for token in tokens if support.of(*self._nouns[token])[1] < LEAST_PRESENT]


def _thing(word: str) -> Mention | None:
    # People have evidence of their own, their number.
    thing = next(iter(lexicon().read(word).things), None)
    return None if thing is None or thing.noun.also_verb or thing.noun.kind == "person" else thing
