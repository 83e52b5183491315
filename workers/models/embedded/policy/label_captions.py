"""Probabilities to words: what is sure enough to be told, and how. The figures are in docs/2-embedded-captioner.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import with_article
from workers.english.labels import Label
from workers.models.base import Caption, Tag
from workers.models.embedded.policy.concepts import Concept, Vocabulary

# The least evidence for a label of each kind, chosen on the tuning halves of the validation pictures.
SURE_LABEL = {
    "accessory": 0.45, "animal": 0.45, "appliance": 0.45, "building": 0.6, "clothing": 0.45, "container": 0.7,
    "drink": 0.5, "electronics": 0.4, "food": 0.35, "furniture": 0.35, "household": 0.5, "instrument": 0.6,
    "landscape": 0.4, "machine": 0.6, "material": 0.8, "office": 0.6, "other": 0.75, "plant": 0.5, "sport": 0.45,
    "structure": 0.5, "tool": 0.65, "toy": 0.5, "vehicle": 0.45, "weapon": 0.6,
}  # fmt: skip
# "A dog" is at hand and surely true, so the breed has to be surer.
SURE_SPECIES = 0.8
# Labels that often fired on pictures of something else.
SURE_DOUBTFUL = 0.85
DOUBTFUL = frozenset((
    "ATM", "adhesive bandage", "balance beam", "bobsled", "bulletproof vest", "camping tent", "carousel", "comic book",
    "doormat", "dromedary camel", "envelope", "hamper basket", "high bar", "medical stretcher", "neck brace", "packet",
    "pajamas", "prison", "rickshaw", "solar dish", "spaghetti squash", "toy store", "triumphal arch",
))  # fmt: skip
# Where a thing in it is sure too, "a dog by the sea" is told rather than "a seashore".
LATE_KINDS = frozenset(("landscape",))
ENCLOSING_KINDS = frozenset(("building", "landscape"))
LATE = 3
WORN_OR_USED = {"clothing": "in", "accessory": "with", "sport": "with", "instrument": "with"}
MIN_LABEL = 0.2
# A tag may be a little less sure than a sentence.
TAG_LENIENCE = 0.85
# workers.composing puts a tag of 0.75 into the description if the caption lacks it: labels only, never wider words.
WIDER_WORD = 0.74


@dataclass(frozen=True, slots=True)
class Sure:
    """Something sure enough; `concept` is its number in the vocabulary, -1 for a label; `level` 0 is told first."""

    name: str
    number: str
    kind: str
    level: int
    confidence: float
    concept: int = -1

    @property
    def phrase(self) -> str:
        return with_article(self.name, self.number)


def captions_of(
    vocabulary: Vocabulary, probabilities: NDArray[np.float32], people: Sure | None = None
) -> list[Caption]:
    """One phrase, or none; `people` are told in place of "a person"."""
    things, places = _seen(vocabulary, probabilities)
    if people is not None:
        things = sorted([*(thing for thing in things if thing.concept != people.concept), people], key=_order)
    place = _narrowest(vocabulary, places)
    if not things or (place and things[0].level == LATE and _is_part(vocabulary, things[0], place)):
        return [Caption(place.phrase, place.confidence)] if place else []
    phrase = _subject(vocabulary, things)
    if place and things[0].kind not in ENCLOSING_KINDS:
        phrase = f"{phrase} {vocabulary.concepts[place.concept].place}"
    return [Caption(phrase, things[0].confidence)]


def _narrowest(vocabulary: Vocabulary, places: Sequence[Sure]) -> Sure | None:
    """The surest place, but "by the sea" before "by the water"."""
    for place in places:
        wider = (other for other in places if other is not place and _is_part(vocabulary, place, other))
        if next(wider, None) is not None:
            return place
    return next(iter(places), None)


def tags_of(vocabulary: Vocabulary, probabilities: NDArray[np.float32]) -> list[Tag]:
    things, places = _seen(vocabulary, probabilities, TAG_LENIENCE)
    parents = {label.name: label.hypernym for label in vocabulary.names}
    told = [sure for sure in [*things, *places] if not _is_idle(vocabulary, sure, things)]
    tags = [
        Tag(sure.name, sure.confidence, sure.kind, parents[sure.name], sure.number)
        if sure.concept < 0
        else Tag(vocabulary.concepts[sure.concept].tag, min(sure.confidence, WIDER_WORD), sure.kind, "", sure.number)
        for sure in told
    ]
    # A concept may bear a label's name.
    return list({tag.text: tag for tag in reversed(tags)}.values())[::-1]


def _is_idle(vocabulary: Vocabulary, sure: Sure, things: Sequence[Sure]) -> bool:
    """ "Furry animal" beside "cat"; "animal" is worth a tag."""
    if sure.level != LATE - 1 or sure.kind == "person":
        return False
    return any(thing.level < sure.level and _is_part(vocabulary, thing, sure) for thing in things)


def _seen(
    vocabulary: Vocabulary, probabilities: NDArray[np.float32], lenience: float = 1.0
) -> tuple[list[Sure], list[Sure]]:
    """Things and places, what is told first first."""
    concepts = list(_concepts(vocabulary, probabilities, lenience))
    species = [sure for sure in concepts if sure.level == 1 and sure.kind == "animal"]
    labels = _labels(vocabulary, probabilities, lenience, [vocabulary.concepts[sure.concept] for sure in species])
    things = [*labels, *(sure for sure in concepts if not vocabulary.concepts[sure.concept].place)]
    places = [sure for sure in concepts if vocabulary.concepts[sure.concept].place]
    return sorted(things, key=_order), sorted(places, key=_order)


def _order(sure: Sure) -> tuple[int, float]:
    return sure.level, -sure.confidence


def _concepts(vocabulary: Vocabulary, probabilities: NDArray[np.float32], lenience: float) -> Iterator[Sure]:
    evidence = vocabulary.concept_evidence(probabilities).tolist()
    for number, (concept, value) in enumerate(zip(vocabulary.concepts, evidence, strict=True)):
        if value >= concept.sure * lenience:
            confidence = _confidence(value, concept.sure)
            yield Sure(concept.name, concept.number, concept.kind, concept.level, confidence, number)


def _labels(
    vocabulary: Vocabulary, probabilities: NDArray[np.float32], lenience: float, species: Sequence[Concept]
) -> Iterator[Sure]:
    for label, value in zip(vocabulary.names, vocabulary.name_evidence(probabilities).tolist(), strict=True):
        # People are a concept: many labels speak for them.
        if label.kind == "person" or value < MIN_LABEL:
            continue
        sure = _sure_at(label, species)
        if value >= sure * lenience:
            level = LATE if label.kind in LATE_KINDS else 0
            yield Sure(label.name, label.number, label.kind, level, _confidence(value, sure))


def _sure_at(label: Label, species: Sequence[Concept]) -> float:
    if label.name in DOUBTFUL:
        return SURE_DOUBTFUL
    return SURE_SPECIES if any(concept.covers(label) for concept in species) else SURE_LABEL[label.kind]


def _confidence(evidence: float, sure: float) -> float:
    """0.75 at the threshold, whichever it is, 1 at full evidence; three decimals say all there is to say."""
    share = evidence / sure * 0.75 if evidence < sure else 0.75 + 0.25 * (evidence - sure) / (1 - sure)
    return min(1.0, round(share, 3))


def _subject(vocabulary: Vocabulary, things: Sequence[Sure]) -> str:
    """ "a dog", "a person with an umbrella", "a person and a dog"."""
    first = things[0]
    person = next((thing for thing in things if thing.kind == "person"), None)
    if person is None or first.kind == "person":
        return _with_second(vocabulary, first, things)
    if first.concept < 0 and first.kind in WORN_OR_USED and _is_part(vocabulary, first, person):
        return f"a person {WORN_OR_USED[first.kind]} {first.phrase}"
    return _with_second(vocabulary, first, things)


def _with_second(vocabulary: Vocabulary, first: Sure, things: Sequence[Sure]) -> str:
    second = next((thing for thing in things[1:] if _may_join(vocabulary, first, thing)), None)
    if second is None:
        return first.phrase
    pair = (second, first) if second.kind == "person" else (first, second)
    return " and ".join(thing.phrase for thing in pair)


def _may_join(vocabulary: Vocabulary, first: Sure, second: Sure) -> bool:
    """Another thing, not another reading of the first: of another kind, and no label speaks for both."""
    if first.kind == second.kind or second.level >= LATE or {first.kind, second.kind} == {"person", "clothing"}:
        return False
    return not (_members(vocabulary, first) & _members(vocabulary, second)).any()


def _is_part(vocabulary: Vocabulary, part: Sure, whole: Sure) -> bool:
    """Every label that speaks for the one speaks for the other."""
    return not (_members(vocabulary, part) & ~_members(vocabulary, whole)).any()


def _members(vocabulary: Vocabulary, sure: Sure) -> NDArray[np.bool_]:
    return vocabulary.members_of_name[sure.name] if sure.concept < 0 else vocabulary.members_of_concept[sure.concept]
