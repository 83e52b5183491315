"""Add the tagger's tags to the evidence: a classifier of species and objects has nouns that the heads lack."""

from collections.abc import Sequence
from dataclasses import replace

from workers.models.base import Tag
from workers.models.evidence import KINDS, Evidence, NounEvidence

MIN_TAG = 0.5
# Of a tag's confidence, in a photograph: a classifier of photographs names something else in every drawing.
TRUST = 0.9


def with_tags(evidence: Evidence, tags: Sequence[Tag]) -> Evidence:
    """Return the evidence with the confident tags that have a kind of thing, at the probability of a photograph."""
    if not evidence.kinds:
        return evidence
    trust = TRUST * evidence.kinds[KINDS.index("photo")] ** 0.5
    nouns = {noun.noun: noun for noun in evidence.nouns}
    for tag in tags:
        if tag.kind in {"", "person"} or tag.confidence < MIN_TAG:
            continue
        # A proboscis monkey is a monkey, whatever its group is called.
        last = tag.text.split()[-1]
        wider = [noun for noun in (tag.parent, tag.kind, last) if noun and noun != tag.text]
        probability = trust * tag.confidence
        _raise(nouns, tag.text, probability, (*wider, *(far for near in wider for far in _wider_of(nouns, near))))
        if tag.parent:
            _raise(nouns, tag.parent, probability, (tag.kind,))
    return replace(evidence, nouns=tuple(sorted(nouns.values(), key=lambda noun: -noun.main)))


def _raise(nouns: dict[str, NounEvidence], text: str, probability: float, wider: tuple[str, ...]) -> None:
    old = nouns.get(text, NounEvidence(text, 0.0, 0.0, wider))
    main, present = max(old.main, probability), max(old.present, probability)
    nouns[text] = NounEvidence(text, main, present, tuple(dict.fromkeys((*old.wider, *wider))))


def _wider_of(nouns: dict[str, NounEvidence], text: str) -> tuple[str, ...]:
    return nouns[text].wider if text in nouns else ()
