"""The people of a rejected sentence, which are right more often than their action."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.english.nouns import ARTICLES, Mention, Noun, Reading
from workers.models.embedded.policy.label_captions import Detection

# Of 45 images with an unlikely sentence about people (1,202 validation images) the fallback is right for 27 by
# training/scoring/caption_support.py, which does not count "people" where the captions have "children".
CONFIDENCE = 0.6
# The least probability of any word for people; of the sentence's own word, to repeat it; of any word for a child.
MIN_PERSON = 0.1
MIN_WORD = 0.5
MIN_CHILD = 0.3
_CHILDREN = frozenset(("baby", "boy", "child", "girl", "infant", "kid", "toddler"))
_GROUPS = frozenset(("couple", "crowd", "family", "group", "team"))
# Before "clothing" and "animal", after labels.
_LEVEL = 1


class PeopleFallback:
    """`nouns`: the detected nouns by their number; `concept`: the number of the concept "person"."""

    def __init__(self, nouns: Mapping[int, Noun], concept: int) -> None:
        people = {number: noun.text for number, noun in nouns.items() if noun.kind == "person"}
        self._numbers = sorted(people)
        self._of_noun: dict[str, list[int]] = {}
        for number, noun in people.items():
            self._of_noun.setdefault(noun, []).append(number)
        self._children = sorted(number for number, noun in people.items() if noun in _CHILDREN)
        self._concept = concept

    def detect(self, reading: Reading, words: NDArray[np.float32]) -> Detection | None:
        """Return the sentence's subject if it is people and any are detected: "a little boy", or a neutral word ("a
        child", "people") where the sentence's own is not.
        """
        subject = next(iter(reading.things), None)
        if subject is None or subject.noun.kind != "person" or _max_probability(words, self._numbers) < MIN_PERSON:
            return None
        if _max_probability(words, self._of_noun.get(subject.noun.text, ())) >= MIN_WORD:
            return self._detection(*_with_modifiers(reading, subject))
        is_child = subject.noun.text in _CHILDREN and _max_probability(words, self._children) >= MIN_CHILD
        one, many = ("child", "children") if is_child else ("person", "people")
        return self._detection(many, "plural") if _is_plural(reading, subject) else self._detection(one, "count")

    def _detection(self, name: str, number: str) -> Detection:
        return Detection(name, number, "person", _LEVEL, CONFIDENCE, self._concept)


def _max_probability(words: NDArray[np.float32], numbers: Sequence[int]) -> float:
    return max((float(words[number]) for number in numbers), default=0.0)


def _with_modifiers(reading: Reading, subject: Mention) -> tuple[str, str]:
    """Return the sentence up to its subject, and its number."""
    first, last = reading.tokens[0], reading.tokens[subject.last]
    if first.text in ARTICLES:
        return reading.text[first.end : last.end].strip(), "count"
    return reading.text[: last.end], "plural"


def _is_plural(reading: Reading, subject: Mention) -> bool:
    texts = [token.text for token in reading.tokens[: subject.last + 2]]
    return subject.plural or texts[0] not in ARTICLES or texts[-1] == "and" or not _GROUPS.isdisjoint(texts)
