"""Tags from label probabilities and detected words, by thresholds per kind of label."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.english.grammar import singularize
from workers.english.labels import Label
from workers.english.lexicon import lexicon
from workers.models.base import Tag
from workers.models.embedded.concepts import Concept, ConceptMembership

# The least evidence for a label of each kind, chosen on the tuning halves of the validation images.
MIN_EVIDENCE = {
    "accessory": 0.45, "animal": 0.45, "appliance": 0.45, "building": 0.6, "clothing": 0.45, "container": 0.7,
    "drink": 0.5, "electronics": 0.4, "food": 0.35, "furniture": 0.35, "household": 0.5, "instrument": 0.6,
    "landscape": 0.4, "machine": 0.6, "material": 0.8, "office": 0.6, "other": 0.75, "plant": 0.5, "sport": 0.45,
    "structure": 0.5, "tool": 0.65, "toy": 0.5, "vehicle": 0.45, "weapon": 0.6,
}  # fmt: skip
# Higher for a breed, because "a dog" is available and almost always right.
MIN_SPECIES_EVIDENCE = 0.8
# Labels with many false positives.
MIN_DOUBTFUL_EVIDENCE = 0.85
DOUBTFUL = frozenset((
    "ATM", "adhesive bandage", "balance beam", "bobsled", "bulletproof vest", "camping tent", "carousel", "comic book",
    "doormat", "dromedary camel", "envelope", "hamper basket", "high bar", "medical stretcher", "neck brace", "packet",
    "pajamas", "prison", "rickshaw", "solar dish", "spaghetti squash", "toy store", "triumphal arch",
))  # fmt: skip
LAST_LEVEL_KINDS = frozenset(("landscape",))
LAST_LEVEL = 3
MIN_LABEL = 0.2
# A label above it is right in 96 of 100 single-object photographs.
CONFIDENT_LABEL = 0.5
MIN_TAG_WORD = 0.5
# Scales the thresholds for tags.
TAG_LENIENCE = 0.85
# Below the 0.75 at which workers.composing adds a tag to the description: that is for labels.
MAX_WIDER_CONFIDENCE = 0.74


@dataclass(frozen=True, slots=True)
class Detection:
    """A label or concept above its threshold. `concept`: its number, -1 for a label; lower `level`s come first."""

    name: str
    number: str
    kind: str
    level: int
    confidence: float
    concept: int = -1


class LabelTagger:
    """`content`: the detected words in the detector's order."""

    def __init__(self, labels: Sequence[Label], content: Sequence[str]) -> None:
        self._labels = labels
        self._membership = ConceptMembership(labels)
        self._nouns = {index: noun for index, word in enumerate(content) if (noun := _noun_of(word))}

    def tags(self, labels: NDArray[np.float32], words: NDArray[np.float32]) -> list[Tag]:
        """Return the tags, best first, from the probabilities of `labels` and `words`, each (1000,)."""
        tags = {tag.text: tag for tag in tags_of(self._membership, labels)}
        confident = self._confident_label(labels)
        if confident is not None and confident.text not in tags:
            tags = {confident.text: confident, **tags}
        for index in np.argsort(-words, kind="stable").tolist():
            if words[index] < MIN_TAG_WORD:
                break
            if noun := self._nouns.get(index):
                # Without a kind, so that workers.composing puts it into no sentence.
                tags.setdefault(noun, Tag(noun, round(float(words[index]), 3)))
        return list(tags.values())

    def _confident_label(self, labels: NDArray[np.float32]) -> Tag | None:
        index = int(labels.argmax())
        label, probability = self._labels[index], float(labels[index])
        if probability <= CONFIDENT_LABEL or label.kind == "person" or label.name in DOUBTFUL:
            return None
        return Tag(label.name, round(probability, 3), label.kind, label.hypernym, label.number)


def _noun_of(word: str) -> str:
    """Return the word in the singular where it is a noun, but "" for a group or a part."""
    mentions = lexicon().read(f"a {word}").mentions
    noun = mentions[0].noun if len(mentions) == 1 else None
    return singularize(word) if noun and noun.kind not in {"group", "part"} else ""


def tags_of(membership: ConceptMembership, probabilities: NDArray[np.float32]) -> list[Tag]:
    things, places = _detections(membership, probabilities)
    parents = {label.name: label.hypernym for label in membership.names}
    kept = [found for found in [*things, *places] if not _is_redundant(membership, found, things)]
    tags = [_tag(membership, found, parents) for found in kept]
    # A concept may have a label's name.
    return list({tag.text: tag for tag in reversed(tags)}.values())[::-1]


def _tag(membership: ConceptMembership, found: Detection, parents: Mapping[str, str]) -> Tag:
    if found.concept < 0:
        return Tag(found.name, found.confidence, found.kind, parents[found.name], found.number)
    confidence = min(found.confidence, MAX_WIDER_CONFIDENCE)
    return Tag(membership.concepts[found.concept].tag, confidence, found.kind, "", found.number)


def _is_redundant(membership: ConceptMembership, found: Detection, things: Sequence[Detection]) -> bool:
    """Return whether it is "furry animal" beside "cat"; "animal" stays."""
    if found.level != LAST_LEVEL - 1 or found.kind == "person":
        return False
    return any(thing.level < found.level and _is_part(membership, thing, found) for thing in things)


def _detections(
    membership: ConceptMembership, probabilities: NDArray[np.float32]
) -> tuple[list[Detection], list[Detection]]:
    """Return things and places, each in caption order."""
    concepts = list(_concept_detections(membership, probabilities))
    species = [membership.concepts[found.concept] for found in concepts if found.level == 1 and found.kind == "animal"]
    labels = _label_detections(membership, probabilities, species)
    things = [*labels, *(found for found in concepts if not membership.concepts[found.concept].place)]
    places = [found for found in concepts if membership.concepts[found.concept].place]
    return sorted(things, key=_order), sorted(places, key=_order)


def _order(found: Detection) -> tuple[int, float]:
    return found.level, -found.confidence


def _concept_detections(membership: ConceptMembership, probabilities: NDArray[np.float32]) -> Iterator[Detection]:
    evidence = membership.concept_evidence(probabilities).tolist()
    for number, (concept, value) in enumerate(zip(membership.concepts, evidence, strict=True)):
        if value >= concept.threshold * TAG_LENIENCE:
            confidence = _confidence(value, concept.threshold)
            yield Detection(concept.name, concept.number, concept.kind, concept.level, confidence, number)


def _label_detections(
    membership: ConceptMembership, probabilities: NDArray[np.float32], species: Sequence[Concept]
) -> Iterator[Detection]:
    for label, value in zip(membership.names, membership.name_evidence(probabilities).tolist(), strict=True):
        # People are a concept, the sum of many labels.
        if label.kind == "person" or value < MIN_LABEL:
            continue
        threshold = _threshold(label, species)
        if value >= threshold * TAG_LENIENCE:
            level = LAST_LEVEL if label.kind in LAST_LEVEL_KINDS else 0
            yield Detection(label.name, label.number, label.kind, level, _confidence(value, threshold))


def _threshold(label: Label, species: Sequence[Concept]) -> float:
    if label.name in DOUBTFUL:
        return MIN_DOUBTFUL_EVIDENCE
    return MIN_SPECIES_EVIDENCE if any(concept.covers(label) for concept in species) else MIN_EVIDENCE[label.kind]


def _confidence(evidence: float, threshold: float) -> float:
    """Return 0.75 at the threshold, 1 at full evidence."""
    if evidence < threshold:
        share = evidence / threshold * 0.75
    else:
        share = 0.75 + 0.25 * (evidence - threshold) / (1 - threshold)
    return min(1.0, round(share, 3))


def _is_part(membership: ConceptMembership, part: Detection, whole: Detection) -> bool:
    """Return whether every label of `part` is one of `whole`."""
    return not (_members(membership, part) & ~_members(membership, whole)).any()


def _members(membership: ConceptMembership, found: Detection) -> NDArray[np.bool_]:
    if found.concept < 0:
        return membership.members_of_name[found.name]
    return membership.members_of_concept[found.concept]
