"""Choose a photograph's phrase: the captioner's sentence where evidence supports it, else the evidence's own words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.composing.alt import without_close_up
from workers.composing.drafts.sentence_people import with_supported_people
from workers.composing.drafts.sentence_support import Support, support_of, supported_part
from workers.composing.drafts.subject import (
    Naming,
    is_night,
    name_main,
    other_things,
    phrase_of,
    probability_of,
    setting,
)
from workers.english.grammar import with_article
from workers.english.initialisms import capitalize_initialisms
from workers.english.lexicon import lexicon
from workers.english.nouns import COLORS
from workers.models.base import Caption
from workers.models.evidence import Evidence
from workers.models.noun_support import LEAST_PRESENT

# Every thing of a sentence needs this evidence at a confidence of 0, and less of it at higher confidence.
LEAST_AT_NONE, LEAST_PER_CONFIDENCE = 0.4, 0.5
MIN_SUBJECT = 0.3
# Of a sentence where evidence names nothing.
MIN_CONFIDENCE = 0.8
# Below it a sentence's adjectives and actions are guesses ("a false monkey"), even where its thing is there.
LEAST_CAPTION_CONFIDENCE = 0.2
# Of a sentence about another thing than the surest one.
OTHER_CONFIDENCE = 0.6
MIN_OTHER_KIND = 0.3
LEAST_MAIN = 0.1
_DRAWN_OPENING = re.compile(
    r"an? (?:[\w-]+ ){0,2}?(cartoon|comic|drawing|illustration|meme|painting|render|sketch|watercolou?r) of "
)
# Words before the subject: an article and "black and white".
MAX_MODIFIERS = 4


@dataclass(frozen=True, slots=True)
class PhotoPhrase:
    """`named`: the nouns of the phrase; `main`: the probability of its main thing; `least`: of its least sure thing."""

    phrase: str
    named: frozenset[str]
    main: float
    least: float


def choose_phrase(captions: Sequence[Caption], evidence: Evidence) -> PhotoPhrase | None:
    """Return the first caption whose things are all supported, else the first of which a part is, else the main thing's
    name; None without evidence.
    """
    main = name_main(evidence)
    for caption, text in _sentences(captions, main, evidence):
        support = support_of(text, evidence)
        if _is_supported(caption, support, main) and not _names_other_kind(text, evidence):
            probability = main.probability if main and support.names(main.noun) else support.main
            named = text if main is None or main.is_people else narrowed(text, main, evidence)
            return PhotoPhrase(capitalize_initialisms(named), named_nouns(named), probability, support.least)
    main = main or _surest_thing(evidence)
    return None if main is None else _naming(main, evidence)


def _sentences(captions: Sequence[Caption], main: Naming | None, evidence: Evidence) -> list[tuple[Caption, str]]:
    """Return the captions that are supported as a whole, then the supported parts of the others; all without a main
    thing.
    """
    worded = [
        (caption, _with_people(caption, evidence))
        for caption in captions
        if caption.confidence >= LEAST_CAPTION_CONFIDENCE
    ]
    if main is None:
        return worded
    parts = [(caption, text, supported_part(text, evidence, _least(caption))) for caption, text in worded]
    return [(caption, part) for caption, text, part in sorted(parts, key=lambda found: found[2] != found[1])]


def _with_people(caption: Caption, evidence: Evidence) -> str:
    return with_supported_people(without_close_up(caption.text), evidence)


def _least(caption: Caption) -> float:
    """Return the evidence that each thing of the caption needs."""
    return max(LEAST_PRESENT, LEAST_AT_NONE - LEAST_PER_CONFIDENCE * caption.confidence)


def _is_supported(caption: Caption, support: Support, main: Naming | None) -> bool:
    if support.present < MIN_SUBJECT or support.least < _least(caption):
        return False
    if main is None:
        return caption.confidence >= MIN_CONFIDENCE
    return caption.confidence >= OTHER_CONFIDENCE or support.names(main.noun)


def _names_other_kind(text: str, evidence: Evidence) -> bool:
    """Return whether a sentence about a photograph begins as one about a drawing without evidence of it in there."""
    drawn = _DRAWN_OPENING.match(text)
    return drawn is not None and probability_of(evidence, drawn[1])[1] < MIN_OTHER_KIND


def narrowed(sentence: str, main: Naming, evidence: Evidence) -> str:
    """Return the sentence with the main thing's name for a wider one: "a furry rabbit on grass" becomes "an Angora
    rabbit on grass". Its colors stay; other modifiers go, they were chosen for another name.
    """
    reading = lexicon().read(sentence)
    subject = next(iter(reading.things), None)
    if subject is None or main.noun.lower() in sentence.lower() or subject.first > MAX_MODIFIERS:
        return sentence
    named = evidence.find(main.noun)
    if named is None or subject.noun.text not in named.wider or subject.plural:
        return sentence
    modifiers = [token.text for token in reading.tokens[1 : subject.first]]
    name = main.phrase
    if modifiers and COLORS.union({"and"}).issuperset(modifiers):
        name = with_article(" ".join((*modifiers, main.noun)), "count")
    return f"{name}{sentence[reading.tokens[subject.last].end :]}"


def _surest_thing(evidence: Evidence) -> Naming | None:
    """Return a thing that is there where nothing is sure to be the main one: a guess, for review."""
    thing = next(iter(other_things(evidence, ())), None)
    return None if thing is None else Naming(phrase_of(thing.noun), thing.noun, max(thing.main, LEAST_MAIN))


def _naming(main: Naming, evidence: Evidence) -> PhotoPhrase:
    place = setting(evidence)
    is_itself = bool({main.noun, *main.noun.split(), *_wider_of(main.noun, evidence)}.intersection(place.split()))
    phrase = f"{main.phrase} {place}" if place and not is_itself else main.phrase
    if is_night(evidence) and "night" not in phrase:
        phrase = f"{phrase} at night"
    return PhotoPhrase(phrase, named_nouns(phrase) | {main.noun}, main.probability, main.probability)


def _wider_of(noun: str, evidence: Evidence) -> tuple[str, ...]:
    """Return the wider nouns, so that a road is not on a street, nor a bridge on a bridge."""
    found = evidence.find(noun)
    return found.wider if found else ()


def named_nouns(phrase: str) -> frozenset[str]:
    """Return the nouns that the phrase names, "person" for every word for one."""
    things = lexicon().read(phrase).mentions
    people = {"person"} if any(thing.noun.kind == "person" for thing in things) else set()
    return frozenset({thing.noun.text for thing in things} | people)
