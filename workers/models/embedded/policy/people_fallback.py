"""Who is in the picture of a sentence that is not believed: people are there more often than what they do there."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.english.nouns import ARTICLES, Mention, Noun, Reading
from workers.models.embedded.policy.label_captions import Sure

# Of 45 images with an unlikely sentence about people (1,202 validation images) the fallback is right for 27 by
# training/scoring/caption_support.py, which does not count "people" where the captions have "children".
CONFIDENCE = 0.6
# The least that the detector must see of any word for people; of the very word, to repeat it; of a child.
LEAST_PERSON = 0.1
LEAST_WORD = 0.5
LEAST_CHILD = 0.3
_CHILDREN = frozenset(("baby", "boy", "child", "girl", "infant", "kid", "toddler"))
_MANY = frozenset(("couple", "crowd", "family", "group", "team"))
# Told before "clothing" and "an animal", after a thing's own name.
_LEVEL = 1


class Someone:
    """`nouns`: the detected ones by their number; `concept`: the person's number among concepts."""

    def __init__(self, nouns: Mapping[int, Noun], concept: int) -> None:
        people = {number: noun.text for number, noun in nouns.items() if noun.kind == "person"}
        self._numbers = sorted(people)
        self._of_noun: dict[str, list[int]] = {}
        for number, noun in people.items():
            self._of_noun.setdefault(noun, []).append(number)
        self._children = sorted(number for number, noun in people.items() if noun in _CHILDREN)
        self._concept = concept

    def of(self, reading: Reading, words: NDArray[np.float32]) -> Sure | None:
        """The sentence's subject, if it is people and the detector sees any: "a little boy", or in neutral words
        ("a child", "people") where it does not see the very word. `words` (1000,): its probabilities.
        """
        subject = next(iter(reading.things), None)
        if subject is None or subject.noun.kind != "person" or _most(words, self._numbers) < LEAST_PERSON:
            return None
        if _most(words, self._of_noun.get(subject.noun.text, ())) >= LEAST_WORD:
            return self._sure(*_as_said(reading, subject))
        is_child = subject.noun.text in _CHILDREN and _most(words, self._children) >= LEAST_CHILD
        one, many = ("child", "children") if is_child else ("person", "people")
        return self._sure(many, "plural") if _are_many(reading, subject) else self._sure(one, "count")

    def _sure(self, name: str, number: str) -> Sure:
        return Sure(name, number, "person", _LEVEL, CONFIDENCE, self._concept)


def _most(words: NDArray[np.float32], numbers: Sequence[int]) -> float:
    return max((float(words[number]) for number in numbers), default=0.0)


def _as_said(reading: Reading, subject: Mention) -> tuple[str, str]:
    """The sentence up to its subject, and its number."""
    first, last = reading.tokens[0], reading.tokens[subject.last]
    if first.text in ARTICLES:
        return reading.text[first.end : last.end].strip(), "count"
    return reading.text[: last.end], "plural"


def _are_many(reading: Reading, subject: Mention) -> bool:
    said = [token.text for token in reading.tokens[: subject.last + 2]]
    return subject.plural or said[0] not in ARTICLES or said[-1] == "and" or not _MANY.isdisjoint(said)
