"""Whether two things said of one picture can both be true."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Protocol

from workers.english.grammar import PREPOSITIONS
from workers.english.labels import read_labels
from workers.english.lexicon import lexicon, read
from workers.english.nouns import ADJECTIVES, COLOURS, Mention, Noun, Reading

PLACE_KINDS = frozenset(("building", "landscape", "place", "structure"))
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_SEVERAL = -1
# One reader's tan is another's beige.
_FAMILIES = {
    "gray": "grey", "silver": "grey", "navy": "blue", "teal": "blue", "turquoise": "blue", "lavender": "purple",
    "violet": "purple", "magenta": "pink", "maroon": "red", "tan": "beige", "cream": "beige", "khaki": "beige",
    "gold": "yellow",
    "golden": "yellow", "blond": "yellow", "blonde": "yellow", "olive": "green",
}  # fmt: skip
# Black cloth in a studio's light is dark grey to a camera.
_NEARLY = {"dark grey": "black", "light grey": "white", "navy": "black", "beige": "white", "dark red": "brown"}
_GREYS = frozenset(("black", "white", "grey", "gray", "silver"))
_MALE = frozenset(("man", "boy", "guy", "gentleman", "male", "father", "husband", "son"))
_FEMALE = frozenset(("woman", "girl", "lady", "female", "mother", "wife", "daughter"))
_OPPOSITES = [
    (frozenset(("indoor", "indoors", "inside")), frozenset(("outdoor", "outdoors", "outside"))),
    (frozenset(("night", "nighttime", "midnight")), frozenset(("day", "daytime", "daylight", "sunny", "noon"))),
    (frozenset(("summer",)), frozenset(("winter", "snow", "snowy"))),
    (frozenset(("empty", "deserted")), frozenset(("crowded", "full", "busy"))),
    (frozenset(("sitting", "sits", "seated", "laying", "lying", "sleeping", "asleep")),
     frozenset(("standing", "stands", "running", "runs", "jumping", "jumps", "walking", "walks", "flying"))),
]  # fmt: skip


class TagLike(Protocol):
    """A tag as this layer reads it: its text, its broad kind ("animal") and its wider word ("dog" for "beagle")."""

    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def parent(self) -> str: ...


def contradicts(caption: str, other: str) -> bool:
    """Other counts or colours of one thing, another animal than the one there is, night and day, a man and a woman."""
    said, told = read(caption), read(other)
    if _are_opposite(said, told) or _are_opposite(told, said):
        return True
    if any(_differ(said, one, told, two) for one in said.things for two in told.things if _is_same(one, two)):
        return True
    animals = [mention.noun for mention in said.things if mention.noun.kind == "animal"]
    others = [mention.noun for mention in told.things if mention.noun.kind == "animal"]
    return bool(animals) and not all(any(related(one, two) for one in animals) for two in others)


def tag_contradicts(phrase: str, tag: TagLike) -> bool:
    if contradicts(phrase, tag.text):
        return True
    if tag.kind != "animal":
        return False
    animals = [mention.noun for mention in read(phrase).things if mention.noun.kind == "animal"]
    noun = Noun(tag.text.lower(), tag.kind, tag.parent)
    return bool(animals) and not any(related(noun, animal) for animal in animals)


def kinds_of(phrase: str) -> frozenset[str]:
    return frozenset(mention.noun.kind for mention in read(phrase).mentions)


def is_said(phrase: str, tag: TagLike) -> bool:
    """By its own name, a wider one or a narrower one."""
    noun = Noun(tag.text.lower(), tag.kind, tag.parent)
    words = set(re.findall(r"\w+", phrase.lower()))
    named = any(related(noun, mention.noun) for mention in read(phrase).mentions)
    return named or bool(words.intersection(tag.text.lower().split()))


def addition(caption: str, others: Sequence[str]) -> str:
    """The first of the `others` that says more of the same picture, as a phrase that goes on from the caption; or "".

    More is a thing that the caption has not named. A sentence about another subject is another reading of the picture,
    unless it is the place that the subject is in.
    """
    said = read(caption)
    known = {mention.noun.text for mention in said.mentions}
    for other in others:
        told = read(other)
        if not told.things or {mention.noun.text for mention in told.things} <= known or contradicts(caption, other):
            continue
        if text := _continued(said, told):
            return text
    return ""


def _continued(said: Reading, told: Reading) -> str:
    subject = told.things[0]
    if any(related(subject.noun, mention.noun) for mention in said.things[:1]):
        return _definite(told, subject)
    is_new_place = subject.noun.kind in PLACE_KINDS and not any(thing.noun.kind in PLACE_KINDS for thing in said.things)
    return f"the setting is {told.text}" if is_new_place and _is_singular(told, subject) else ""


def _definite(told: Reading, subject: Mention) -> str:
    """ "A cat with a ball" goes on from "a cat on a table" as "the cat has a ball"; "" where that makes no sentence."""
    tokens = told.tokens
    if subject.last + 1 >= len(tokens) or tokens[subject.last].possessive or tokens[subject.last + 1].apart:
        return ""
    start = told.text[: tokens[subject.last].end]
    head = start if tokens[0].text in {"the", "this", "these"} else f"the {re.sub('^an? ', '', start)}"
    rest = told.text[tokens[subject.last].end :].strip()
    verb, _, object_ = rest.partition(" ")
    be, have = ("is", "has") if _is_singular(told, subject) else ("are", "have")
    if verb in {"is", "are", "has", "have"}:
        return f"{head} {rest}"
    if verb == "with" and object_:
        return f"{head} {have} {object_}"
    return f"{head} {be} {rest}" if verb.endswith("ing") or verb in PREPOSITIONS else ""


def _is_singular(reading: Reading, mention: Mention) -> bool:
    return not mention.plural and _count(reading, mention) == 1 and mention.noun.text != "people"


@lru_cache(4096)
def related(one: Noun, two: Noun) -> bool:
    """The same, or one the other's wider word: beagle and dog, dog and animal, woman and person."""
    if one.kind == two.kind == "person":
        return True
    texts = {one.text, two.text}
    if len(texts) == 1:
        return True
    if any(text.split()[-1] == "animal" for text in texts):
        return one.kind == two.kind
    return two.text in _called(one) or one.text in _called(two)


def _called(noun: Noun) -> frozenset[str]:
    """What else it may be called, narrower and wider words among it."""
    return frozenset((noun.text, noun.parent.lower())) | _families().get(noun.text, frozenset())


@cache
def _families() -> dict[str, frozenset[str]]:
    """By a word, the words of all labels that it may stand for: of "bird" those of every bird."""
    families: dict[str, set[str]] = {}
    for label in read_labels():
        words = {word.lower() for word in (label.name, label.parent, label.wider_word)} | lexicon().words_of(label).all
        for word in words:
            families.setdefault(word, set()).update(words)
    return {word: frozenset(words) for word, words in families.items()}


def _is_same(one: Mention, two: Mention) -> bool:
    return related(one.noun, two.noun) and (one.noun.text == two.noun.text or one.noun.kind in {"animal", "person"})


def _differ(said: Reading, one: Mention, told: Reading, two: Mention) -> bool:
    """In number or in colour, of what could be the same thing."""
    count, other = _count(said, one), _count(told, two)
    are_counted = one.noun.text == two.noun.text or (one is said.things[0] and two is told.things[0])
    if (
        are_counted
        and count
        and other
        and count != other
        and not (_SEVERAL in {count, other} and max(count, other) > 1)
    ):
        return True
    colours, others = _colours(said, one), _colours(told, two)
    return bool(colours and others) and colours.isdisjoint(others)


def _before(reading: Reading, mention: Mention) -> list[str]:
    """The adjectives of a thing and, last, the word before them."""
    words = []
    for place in range(mention.first - 1, -1, -1):
        word = reading.tokens[place].text
        if reading.tokens[place + 1].apart:
            break
        words.append(word)
        if not (word in ADJECTIVES or (word == "and" and place and reading.tokens[place - 1].text in COLOURS)):
            break
    return words


def _count(reading: Reading, mention: Mention) -> int:
    """0 where nothing tells."""
    before = _before(reading, mention)
    number = _COUNTS.get(before[-1], 0) if before else 0
    return number or (_SEVERAL if mention.plural or mention.noun.text == "people" else 0)


def _colours(reading: Reading, mention: Mention) -> set[str]:
    return {"grey" if word == "gray" else word for word in _before(reading, mention)} & COLOURS


def _are_opposite(one: Reading, two: Reading) -> bool:
    words, others = ({token.text for token in reading.tokens} for reading in (one, two))
    if any(words & first and others & second for first, second in _OPPOSITES):
        return True
    return bool(words & _MALE and others & _FEMALE) and not (words & _FEMALE or others & _MALE)


def agree_on_colour(phrase: str, names: Sequence[str]) -> bool:
    """Whether a thing by itself is measured to have a colour that the phrase says it has, or the phrase says none."""
    said = {_FAMILIES.get(token.text, token.text) for token in read(phrase).tokens if token.text in COLOURS}
    measured = {_FAMILIES.get(word, word) for name in names for word in name.split()[-1:]}
    measured |= {_NEARLY[name] for name in names if name in _NEARLY}
    return not said or bool(said & measured)


def uncoloured(phrase: str) -> str:
    """Without the colours of things: of a black-and-white picture they are guessed."""
    reading = read(phrase)
    for mention in reversed(reading.mentions):
        places = [mention.first - 1 - back for back in range(len(_before(reading, mention)))]
        named = [place for place in places if reading.tokens[place].text in COLOURS]
        if {reading.tokens[place].text for place in named} - _GREYS:
            start, end = reading.tokens[min(named)].start, reading.tokens[max(named) + 1].start
            phrase = phrase[:start] + phrase[end:]
    return phrase
