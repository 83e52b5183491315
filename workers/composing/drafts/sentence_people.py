"""Make the people of a captioner's sentence agree with the evidence: their number, and whether they are children."""

import re

from workers.english.lexicon import lexicon
from workers.models.evidence import Evidence

# Of the images of Flickr8k and COCO whose sentence has a child, 95 % show one, at any evidence above it.
MIN_CHILD = 0.1
# Of the probability that there are people at all: below it two are not mentioned as such; "two people" were two in
# four images of ten. One person may have others around: a player in a match.
MIN_TWO = 0.4
SURE_ONE = 0.5
_YOUNG = frozenset(("child", "boy", "girl", "kid", "baby", "toddler", "infant"))
_CHILDREN = re.compile(r"\b(?:(?:little|small|young) )?(?:children|kids|babies|toddlers|infants)\b")
_CHILD = re.compile(r"\b(?:(?:little|small|young) )?(?:child|boy|girl|kid|toddler|infant)\b")
_ARTICLE = re.compile(r"\ban (?=person\b)")
_SEVERAL = frozenset(("audience", "band", "choir", "couple", "crowd", "family", "team"))
_TWO = re.compile(r"\btwo (?=(?:[\w-]+ ){0,2}?(?:people|children|\w+s)\b)")


def with_supported_people(sentence: str, evidence: Evidence) -> str:
    """Return the sentence with "person" for a child that no evidence supports, and without "two" where there are more.

    Return "" where the number contradicts the evidence.
    """
    sentence = sentence if _shows_children(evidence) else _without_children(sentence)
    some = sum(evidence.people[1:])
    number = number_of_people(sentence)
    if not some or number < 2:
        return sentence
    one, two = evidence.people[1] / some, evidence.people[2] / some
    if number == 2 and two >= MIN_TWO:
        return sentence
    return "" if one > SURE_ONE else _TWO.sub("", sentence, count=1)


def number_of_people(text: str) -> int:
    """Return 1, 2, or 3 for more or for several without a number; 0 without people."""
    people = [thing for thing in lexicon().read(text).things if thing.noun.kind == "person"]
    if any(thing.plural or thing.noun.text in _SEVERAL for thing in people):
        return 2 if "two" in text.split() and len(people) == 1 else 3
    return min(len(people), 3)


def _shows_children(evidence: Evidence) -> bool:
    return any(noun.noun in _YOUNG and noun.main >= MIN_CHILD for noun in evidence.nouns)


def _without_children(sentence: str) -> str:
    return _ARTICLE.sub("a ", _CHILD.sub("person", _CHILDREN.sub("people", sentence)))
