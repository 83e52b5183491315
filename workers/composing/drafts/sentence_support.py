"""Check a captioner's sentence against the evidence: how probable each of its things is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.composing.drafts.subject import is_wide, people_count
from workers.english.grammar import DANGLING_WORDS, DETERMINERS, strip_dangling_words
from workers.english.lexicon import lexicon
from workers.english.nouns import ADJECTIVES, Mention, Reading
from workers.models.evidence import Evidence
from workers.models.noun_support import PARENT_SHARE, NounSupport, names_of

# Participles that need nothing behind them, of people and animals, and of things.
ACTIVITIES = frozenset((
    "barking", "bathing", "blooming", "burning", "climbing", "cooking", "crawling", "cycling", "dancing", "drinking",
    "driving", "eating", "fishing", "flying", "grazing", "hiking", "hugging", "jumping", "kissing", "kneeling",
    "laughing", "lying", "performing", "playing", "posing", "racing", "reading", "resting", "running", "sailing",
    "singing", "sitting", "skating", "skiing", "sleeping", "smiling", "snowboarding", "speaking", "standing", "surfing",
    "swimming", "talking", "walking", "waving", "working", "writing", "yawning",
))  # fmt: skip
_THINGS_ALONE = frozenset(("blooming", "burning", "driving", "flying", "racing", "sailing"))
# Of the evidence for a subject's wider noun, where that is very wide: food is no evidence of sushi.
WIDE_SHARE = 0.25
_LIVING = frozenset(("person", "animal"))
_PLACES = frozenset(("landscape", "place"))
_PREPOSITIONS_OF_PLACE = frozenset(("across", "along", "at", "down", "in", "near", "on", "through"))
# Their nouns are not things of the image.
_IDIOM = re.compile(r"(?:at|for|into|towards?) the camera|in the (?:air|background|foreground)")
# What people wear is seldom invented, and seldom mentioned by the captions that evidence learned from: of 10 garments
# without evidence, 8 were there. GARMENT is its evidence where that of people is above WEARERS.
GARMENT, WEARERS = 0.15, 0.8
_RELATIVE = re.compile(r" that (?:is|are) (\w+ing)$")
_LAST_VERB = re.compile(r" (?:(?:is|are) )?(\w+ing)$")


@dataclass(frozen=True, slots=True)
class Support:
    """`main`: of the sentence's first thing as the main subject; `present`: of the first thing; `least`: of its least
    supported thing, all 0..1. `head`: the words for the first thing, wider ones included.
    """

    main: float = 0.0
    present: float = 0.0
    least: float = 0.0
    head: frozenset[str] = frozenset()

    def names(self, noun: str) -> bool:
        """Return whether the first thing is the noun, narrower or its wider one."""
        return noun in self.head


def support_of(sentence: str, evidence: Evidence) -> Support:
    things = _things(lexicon().read(sentence))
    if not things:
        return Support()
    share = WIDE_SHARE if is_wide(things[0].noun.parent) else PARENT_SHARE
    by_noun = NounSupport(evidence)
    rest = [_of_thing(thing, evidence, by_noun) for thing in things[1:]]
    supports = [_of_thing(things[0], evidence, by_noun, share), *rest]
    main, present = supports[0]
    return Support(main, present, min(found for _, found in supports), _head_words(things[0], evidence))


def supported_part(sentence: str, evidence: Evidence, least: float) -> str:
    """Return the sentence up to its first thing, after the subject, with less evidence than `least`, or that is named
    a second time, and the place at its end; "" without any.
    """
    reading = lexicon().read(sentence)
    things = _things(reading)
    by_noun = NounSupport(evidence)
    if not things or _of_thing(things[0], evidence, by_noun)[1] < least:
        return ""
    is_living = things[0].noun.kind in _LIVING
    for number, thing in enumerate(things[1:], 1):
        if _of_thing(thing, evidence, by_noun)[1] < least or _is_repeated(thing, things[:number], reading):
            first = reading.tokens[_start_with_group(thing, reading)]
            part = strip_dangling_words(sentence[: first.start].split(), first.text)
            part = _if_complete(part, sentence[len(part) :].split(), is_living=is_living)
            place = _place_at_end(things[number + 1 :], reading)
            is_there = place is not None and _of_thing(things[-1], evidence, by_noun)[1] >= least
            return f"{part} {place}" if part and is_there else part
    verb = _LAST_VERB.search(sentence)
    # A repetition that was removed leaves "a park bench sitting".
    is_lost = verb is not None and not is_living and verb[1] in ACTIVITIES - _THINGS_ALONE
    return sentence[: verb.start()] if verb and is_lost else sentence


def _things(reading: Reading) -> list[Mention]:
    """Return the things that the sentence names as present: no camera in "looking at the camera"."""
    found = [thing for thing in reading.things if thing.noun.kind not in {"group", "part"}]
    return [thing for thing in found if not _IDIOM.fullmatch(_words_of(thing, reading))]


def _words_of(thing: Mention, reading: Reading) -> str:
    """Return the thing with the two words before it."""
    start = reading.tokens[max(thing.first - 2, 0)].start
    return reading.text[start : reading.tokens[thing.last].end].lower()


def _place_at_end(things: Sequence[Mention], reading: Reading) -> str | None:
    """Return "on the grass" where the sentence ends with it: a place contains all that the sentence names."""
    if not things or things[-1].noun.kind not in _PLACES or things[-1].last + 1 < len(reading.tokens):
        return None
    start = _start_of(things[-1], reading) - 1
    is_attached = reading.tokens[start].text in _PREPOSITIONS_OF_PLACE
    return reading.text[reading.tokens[start].start : reading.tokens[-1].end] if is_attached else None


def _start_of(thing: Mention, reading: Reading) -> int:
    """Return the token that the thing's words begin with: its article, else its first adjective."""
    start = reading.article_of(thing)
    if start is not None:
        return start
    start = thing.first
    while start and reading.tokens[start - 1].text in ADJECTIVES:
        start -= 1
    return start


def _start_with_group(thing: Mention, reading: Reading) -> int:
    """Return the token that "a piece of food" begins with, where the thing is food: no "holding a piece" is left."""
    start = _start_of(thing, reading)
    for group in reading.mentions:
        if group.last == start - 2 and reading.tokens[start - 1].text == "of" and group not in reading.things:
            return _start_of(group, reading)
    return start


def _is_repeated(thing: Mention, before: Sequence[Mention], reading: Reading) -> bool:
    """Return whether the thing was named before: "a cat on a tabby cat", but not "a dog beside another dog"."""
    is_other = thing.first > 0 and reading.tokens[thing.first - 1].text in {"another", "other"}
    is_again = any(names_of(thing.noun) & names_of(each.noun) for each in before)
    return is_again and thing.noun.kind != "person" and not is_other


def _if_complete(part: str, rest: Sequence[str], *, is_living: bool) -> str:
    """Return the part where it ends in a noun, or in a participle that needs nothing of the rest behind it, else "".

    "A person in a dress looks" is cut wrongly; "a cat is looking" and "a bench sitting" lose their verb, as does "a
    person playing" before "tennis", and "a person holding an umbrella is standing", which has another one.
    """
    verb = _LAST_VERB.search(part)
    if verb:
        had_object = rest[:1] and rest[0] not in DANGLING_WORDS - DETERMINERS
        is_whole = verb[1] in (ACTIVITIES if is_living else _THINGS_ALONE) and not had_object
        if is_whole and not _has_participle(part[: verb.start()]):
            return _RELATIVE.sub(r" \1", part)
        part = part[: verb.start()].removesuffix(" that")
    mentions = lexicon().read(part).mentions
    return part if mentions and part.lower().endswith(mentions[-1].noun.text) else ""


def _has_participle(text: str) -> bool:
    nouns = {word for mention in lexicon().read(text).mentions for word in mention.noun.text.split()}
    return any(word.endswith("ing") and word not in nouns for word in text.split())


def _of_thing(
    thing: Mention, evidence: Evidence, by_noun: NounSupport, share: float = PARENT_SHARE
) -> tuple[float, float]:
    """Return the thing's `main` and `present`, the higher of its own and a share of its wider noun's; a garment's
    where there are people.
    """
    if thing.noun.kind == "person":
        main = max((noun.main for noun in evidence.nouns if noun.noun in {"person", thing.noun.text}), default=0.0)
        return main, people_count(evidence)[1]
    least = GARMENT if thing.noun.kind == "clothing" and people_count(evidence)[1] >= WEARERS else 0.0
    main, present = by_noun.of(names_of(thing.noun), thing.noun.parent, share)
    return main, max(present, least)


def _head_words(thing: Mention, evidence: Evidence) -> frozenset[str]:
    if thing.noun.kind == "person":
        return frozenset(("person", thing.noun.text))
    names = names_of(thing.noun)
    narrower = {noun.noun for noun in evidence.nouns if names & set(noun.wider)}
    wider = {word for noun in evidence.nouns if noun.noun in names for word in noun.wider}
    return frozenset({*names, thing.noun.parent, *narrower, *wider})
