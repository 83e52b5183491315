"""Consistency of captions, tags and measured colors of one image."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Protocol

from workers.english.grammar import PREPOSITIONS
from workers.english.labels import read_labels
from workers.english.lexicon import lexicon, read_sentence
from workers.english.nouns import ADJECTIVES, COLORS, Mention, Noun, Reading

PLACE_KINDS = frozenset(("building", "landscape", "place", "structure"))
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_SEVERAL = -1
_COLOR_SYNONYMS = {
    "gray": "grey", "silver": "grey", "navy": "blue", "teal": "blue", "turquoise": "blue", "lavender": "purple",
    "violet": "purple", "magenta": "pink", "maroon": "red", "tan": "beige", "cream": "beige", "khaki": "beige",
    "gold": "yellow",
    "golden": "yellow", "blond": "yellow", "blonde": "yellow", "olive": "green",
}  # fmt: skip
# Measured color: the color it may be; black cloth is dark grey in studio light.
_NEAR_COLORS = {"dark grey": "black", "light grey": "white", "navy": "black", "beige": "white", "dark red": "brown"}
_GREYS = frozenset(("black", "white", "grey", "gray", "silver"))
_MALE = frozenset(("man", "boy", "guy", "gentleman", "male", "father", "husband", "son"))
_FEMALE = frozenset(("woman", "girl", "lady", "female", "mother", "wife", "daughter"))
_ANTONYMS = [
    (frozenset(("indoor", "indoors", "inside")), frozenset(("outdoor", "outdoors", "outside"))),
    (frozenset(("night", "nighttime", "midnight")), frozenset(("day", "daytime", "daylight", "sunny", "noon"))),
    (frozenset(("summer",)), frozenset(("winter", "snow", "snowy"))),
    (frozenset(("empty", "deserted")), frozenset(("crowded", "full", "busy"))),
    (frozenset(("sitting", "sits", "seated", "laying", "lying", "sleeping", "asleep")),
     frozenset(("standing", "stands", "running", "runs", "jumping", "jumps", "walking", "walks", "flying"))),
]  # fmt: skip


class TagLike(Protocol):
    """A tag with kind ("animal") and hypernym, `parent` ("dog")."""

    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def parent(self) -> str: ...


def contradicts(caption: str, other: str) -> bool:
    """Return whether two sentences about one image exclude each other.

    By count or color of a noun, another animal, gender, or antonyms such as night and day.
    """
    first, second = read_sentence(caption), read_sentence(other)
    if _contain_antonyms(first, second) or _contain_antonyms(second, first):
        return True
    pairs = ((one, two) for one in first.things for two in second.things if _may_corefer(one, two))
    if any(_differ_in_count_or_color(first, one, second, two) for one, two in pairs):
        return True
    animals, others = _animals(first), _animals(second)
    return bool(animals) and not all(any(are_related(one, two) for one in animals) for two in others)


def _animals(reading: Reading) -> list[Noun]:
    return [mention.noun for mention in reading.things if mention.noun.kind == "animal"]


def tag_contradicts(phrase: str, tag: TagLike) -> bool:
    if contradicts(phrase, tag.text):
        return True
    if tag.kind != "animal":
        return False
    animals = _animals(read_sentence(phrase))
    return bool(animals) and not any(are_related(_as_noun(tag), animal) for animal in animals)


def _as_noun(tag: TagLike) -> Noun:
    return Noun(tag.text.lower(), tag.kind, tag.parent)


def noun_kinds(phrase: str) -> frozenset[str]:
    return frozenset(mention.noun.kind for mention in read_sentence(phrase).mentions)


def is_mentioned(phrase: str, tag: TagLike) -> bool:
    """Return whether the phrase has a word of the tag, its hypernym or a hyponym."""
    words = set(re.findall(r"\w+", phrase.lower()))
    named = any(are_related(_as_noun(tag), mention.noun) for mention in read_sentence(phrase).mentions)
    return named or bool(words.intersection(tag.text.lower().split()))


def find_addition(caption: str, others: Sequence[str]) -> str:
    """Return a phrase with new nouns, from the first suitable one of `others`, or "".

    Its subject must be the caption's or the setting; another subject may be another reading of the image.
    """
    first = read_sentence(caption)
    mentioned = {mention.noun.text for mention in first.mentions}
    for other in others:
        second = read_sentence(other)
        nouns = {mention.noun.text for mention in second.things}
        if not nouns or nouns <= mentioned or contradicts(caption, other):
            continue
        if text := _continuation(first, second):
            return text
    return ""


def _continuation(first: Reading, second: Reading) -> str:
    subject = second.things[0]
    if any(are_related(subject.noun, mention.noun) for mention in first.things[:1]):
        return _with_definite_subject(second, subject)
    has_place = any(mention.noun.kind in PLACE_KINDS for mention in first.things)
    is_new_place = subject.noun.kind in PLACE_KINDS and not has_place
    return f"the setting is {second.text}" if is_new_place and _is_singular(second, subject) else ""


def _with_definite_subject(reading: Reading, subject: Mention) -> str:
    """Rewrite "a cat with a ball" as "the cat has a ball"; "" if impossible."""
    text, tokens = reading.text, reading.tokens
    if subject.last + 1 >= len(tokens) or tokens[subject.last].possessive or tokens[subject.last + 1].after_punctuation:
        return ""
    start = text[: tokens[subject.last].end]
    head = start if tokens[0].text in {"the", "this", "these"} else f"the {re.sub('^an? ', '', start)}"
    rest = text[tokens[subject.last].end :].strip()
    verb, _, object_ = rest.partition(" ")
    be, have = ("is", "has") if _is_singular(reading, subject) else ("are", "have")
    if verb in {"is", "are", "has", "have"}:
        return f"{head} {rest}"
    if verb == "with" and object_:
        return f"{head} {have} {object_}"
    return f"{head} {be} {rest}" if verb.endswith("ing") or verb in PREPOSITIONS else ""


def _is_singular(reading: Reading, mention: Mention) -> bool:
    return not mention.plural and _count_of(reading, mention) == 1 and mention.noun.text != "people"


@lru_cache(4096)
def are_related(first: Noun, second: Noun) -> bool:
    """Return whether one noun is a synonym or hypernym of the other."""
    if first.kind == second.kind == "person":
        return True
    texts = {first.text, second.text}
    if len(texts) == 1:
        return True
    if any(text.split()[-1] == "animal" for text in texts):
        return first.kind == second.kind
    return second.text in _names_of(first) or first.text in _names_of(second)


def _names_of(noun: Noun) -> frozenset[str]:
    return frozenset((noun.text, noun.parent.lower())) | _related_words().get(noun.text, frozenset())


@cache
def _related_words() -> dict[str, frozenset[str]]:
    """Map each word to the words of all labels that it can name."""
    related: dict[str, set[str]] = {}
    for label in read_labels():
        words = {word.lower() for word in (label.name, label.parent, label.hypernym)} | lexicon().words_of(label).all
        for word in words:
            related.setdefault(word, set()).update(words)
    return {word: frozenset(words) for word, words in related.items()}


def _may_corefer(first: Mention, second: Mention) -> bool:
    if not are_related(first.noun, second.noun):
        return False
    return first.noun.text == second.noun.text or first.noun.kind in {"animal", "person"}


def _differ_in_count_or_color(first: Reading, one: Mention, second: Reading, two: Mention) -> bool:
    are_subjects = one is first.things[0] and two is second.things[0]
    count, other = _count_of(first, one), _count_of(second, two)
    if (one.noun.text == two.noun.text or are_subjects) and _are_different_counts(count, other):
        return True
    colors, others = _colors_of(first, one), _colors_of(second, two)
    return bool(colors and others) and colors.isdisjoint(others)


def _are_different_counts(count: int, other: int) -> bool:
    if not count or not other or count == other:
        return False
    return not (_SEVERAL in {count, other} and max(count, other) > 1)


def _modifiers_of(reading: Reading, mention: Mention) -> list[str]:
    """Return the noun's adjectives, nearest first, and the word before them."""
    words = []
    for index in range(mention.first - 1, -1, -1):
        word = reading.tokens[index].text
        if reading.tokens[index + 1].after_punctuation:
            break
        words.append(word)
        if not (word in ADJECTIVES or (word == "and" and index and reading.tokens[index - 1].text in COLORS)):
            break
    return words


def _count_of(reading: Reading, mention: Mention) -> int:
    """Return the count, _SEVERAL for a plural without one, 0 if unknown."""
    before = _modifiers_of(reading, mention)
    number = _COUNTS.get(before[-1], 0) if before else 0
    return number or (_SEVERAL if mention.plural or mention.noun.text == "people" else 0)


def _colors_of(reading: Reading, mention: Mention) -> set[str]:
    return {"grey" if word == "gray" else word for word in _modifiers_of(reading, mention)} & COLORS


def _contain_antonyms(first: Reading, second: Reading) -> bool:
    words, others = ({token.text for token in reading.tokens} for reading in (first, second))
    if any(words & left and others & right for left, right in _ANTONYMS):
        return True
    return bool(words & _MALE and others & _FEMALE) and not (words & _FEMALE or others & _MALE)


def colors_agree(phrase: str, names: Sequence[str]) -> bool:
    """Return whether the phrase names a measured color, or none."""
    words = [token.text for token in read_sentence(phrase).tokens if token.text in COLORS]
    claimed = {_COLOR_SYNONYMS.get(word, word) for word in words}
    measured = {_COLOR_SYNONYMS.get(word, word) for name in names for word in name.split()[-1:]}
    measured |= {_NEAR_COLORS[name] for name in names if name in _NEAR_COLORS}
    return not claimed or bool(claimed & measured)


def strip_colors(phrase: str) -> str:
    """Remove the colors of nouns, which are guesses for a monochrome image."""
    reading = read_sentence(phrase)
    for mention in reversed(reading.mentions):
        indices = [mention.first - 1 - back for back in range(len(_modifiers_of(reading, mention)))]
        named = [index for index in indices if reading.tokens[index].text in COLORS]
        if {reading.tokens[index].text for index in named} - _GREYS:
            start, end = reading.tokens[min(named)].start, reading.tokens[max(named) + 1].start
            phrase = phrase[:start] + phrase[end:]
    return phrase
