"""Choose a photograph's phrase: the captioner's sentence where evidence supports it, else the evidence's own words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from workers.composing.alt import without_close_up
from workers.composing.drafts.sentence_support import Support, support_of, supported_part
from workers.composing.drafts.subject import Naming, name_main, other_things, phrase_of, probability_of, setting
from workers.english.initialisms import capitalize_initialisms
from workers.english.lexicon import lexicon
from workers.models.base import Caption
from workers.models.evidence import Evidence

# Of 177 photographs of wild-dev with a sure main thing: sentences about it, whose things all have this evidence, were
# right as often (59 %) as its name alone (55 %). Without a limit one sentence in three was right only in part.
MIN_LEAST = 0.3
# Of a sentence where evidence names nothing.
MIN_CONFIDENCE = 0.8
# Below it a sentence's adjectives and actions are guesses ("a false monkey"), even where its thing is there.
LEAST_CONFIDENCE = 0.2
LEAST_MAIN = 0.1
_SEVERAL = frozenset(("audience", "band", "choir", "couple", "crowd", "family", "team"))
# Of the probability that there are people: below it any number is accepted.
SURE_NUMBER = 0.7
_DRAWN_OPENING = re.compile(
    r"an? (?:[\w-]+ ){0,2}?(cartoon|comic|drawing|illustration|meme|painting|render|sketch|watercolou?r) of "
)
# Words before the subject: an article and two adjectives.
MAX_MODIFIERS = 3


@dataclass(frozen=True, slots=True)
class PhotoPhrase:
    """`named`: the nouns of the phrase; `main`: the probability of its main thing; `least`: of its least sure thing."""

    phrase: str
    named: frozenset[str]
    main: float
    least: float


def choose_phrase(captions: Sequence[Caption], evidence: Evidence) -> PhotoPhrase | None:
    """Return the first caption whose things are all supported, else the main thing's name; None without evidence."""
    main = name_main(evidence)
    for caption in captions:
        text = without_close_up(caption.text)
        text = text if main is None else supported_part(text, evidence, MIN_LEAST)
        support = support_of(text, evidence)
        is_true = _is_supported(caption, support, main) and not _names_other_kind(text, evidence)
        if is_true and _agrees_in_number(text, main, evidence):
            probability = main.probability if main else support.main
            text = text if main is None or main.is_people else narrowed(text, main, evidence)
            return PhotoPhrase(capitalize_initialisms(text), named_nouns(text), probability, support.least)
    main = main or _surest_thing(evidence)
    return None if main is None else _naming(main, evidence)


def _is_supported(caption: Caption, support: Support, main: Naming | None) -> bool:
    if main is None:
        return caption.confidence >= MIN_CONFIDENCE
    return caption.confidence >= LEAST_CONFIDENCE and support.names(main.noun) and support.least >= MIN_LEAST


def _names_other_kind(text: str, evidence: Evidence) -> bool:
    """Return whether a sentence about a photograph begins as one about a drawing without evidence of it in there."""
    drawn = _DRAWN_OPENING.match(text)
    return drawn is not None and probability_of(evidence, drawn[1])[1] < MIN_LEAST


def _agrees_in_number(text: str, main: Naming | None, evidence: Evidence) -> bool:
    """Return whether the sentence has as many people as the evidence, of one, two and more; True where it is unsure."""
    if main is None or not main.is_people or not evidence.people:
        return True
    count = max((1, 2, 3), key=lambda number: evidence.people[number])
    if evidence.people[count] < SURE_NUMBER * sum(evidence.people[1:]):
        return True
    named = _number_of_people(text)
    return named == count or (named, count) == (3, 2)


def _number_of_people(text: str) -> int:
    """Return 1, 2, or 3 for more or for several without a number."""
    people = [thing for thing in lexicon().read(text).things if thing.noun.kind == "person"]
    if any(thing.plural or thing.noun.text in _SEVERAL for thing in people):
        return 2 if "two" in text.split() and len(people) == 1 else 3
    return min(len(people), 3)


def narrowed(sentence: str, main: Naming, evidence: Evidence) -> str:
    """Return the sentence with the main thing's name for a wider one: "a white rabbit on grass" becomes "an Angora
    rabbit on grass". Its modifiers go, too: they were chosen for another name.
    """
    subject = next(iter(lexicon().read(sentence).things), None)
    if subject is None or main.noun.lower() in sentence.lower() or subject.first > MAX_MODIFIERS:
        return sentence
    named = evidence.find(main.noun)
    if named is None or subject.noun.text not in named.wider or subject.plural:
        return sentence
    end = lexicon().read(sentence).tokens[subject.last].end
    return f"{main.phrase}{sentence[end:]}"


def _surest_thing(evidence: Evidence) -> Naming | None:
    """Return a thing that is there where nothing is sure to be the main one: a guess, for review."""
    thing = next(iter(other_things(evidence, ())), None)
    return None if thing is None else Naming(phrase_of(thing.noun), thing.noun, max(thing.main, LEAST_MAIN))


def _naming(main: Naming, evidence: Evidence) -> PhotoPhrase:
    place = setting(evidence)
    phrase = f"{main.phrase} {place}" if place and main.noun not in place else main.phrase
    return PhotoPhrase(phrase, named_nouns(phrase) | {main.noun}, main.probability, main.probability)


def named_nouns(phrase: str) -> frozenset[str]:
    """Return the nouns that the phrase names, "person" for every word for one."""
    things = lexicon().read(phrase).mentions
    people = {"person"} if any(thing.noun.kind == "person" for thing in things) else set()
    return frozenset({thing.noun.text for thing in things} | people)
