"""Add the tagger's tags to the evidence: a classifier of species and objects has nouns that the heads lack."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.drafts.subject import is_nameable, is_wide, people_count
from workers.models.base import Tag
from workers.models.evidence import KINDS, Evidence, NounEvidence

MIN_TAG = 0.5
# Of a tag's confidence, in a photograph: a classifier of photographs names something else in every drawing.
TRUST = 0.9
# Of "animal" without a species as the main thing beside people: the classifier has no people among its labels.
BESIDE_PEOPLE = 0.5

# Hypernyms of the labels' own hypernyms, where the classifier has tags of both.
_WIDER = {
    "bird of prey": "bird", "waterbird": "bird", "songbird": "bird", "parrot": "bird", "chicken": "bird",
    "lizard": "reptile", "snake": "reptile", "turtle": "reptile", "butterfly": "insect", "beetle": "insect",
}  # fmt: skip
_NO_SUBJECT = frozenset(("", "person"))


def with_tags(evidence: Evidence, tags: Sequence[Tag]) -> Evidence:
    """Return the evidence with the confident tags that have a kind of thing, at the probability of a photograph.

    Left out are wide tags alone, as "animal" without a species: a classifier without flowers names many of them so.
    """
    if not evidence.kinds:
        return evidence
    trust = TRUST * evidence.kinds[KINDS.index("photo")] ** 0.5
    with_people = people_count(evidence)[0] > 0
    nouns = {noun.noun: noun for noun in evidence.nouns}
    things = _things(tags)
    narrow = {tag.kind for tag in things if _is_narrow(tag)}
    for tag in things:
        if evidence.nouns and tag.kind not in narrow and not _is_narrow(tag):
            continue
        # A proboscis monkey is a monkey, whatever its group is called.
        last = tag.text.split()[-1]
        near = (tag.parent, _WIDER.get(tag.parent or tag.text), tag.kind, last)
        wider = [noun for noun in near if noun and noun != tag.text]
        present = trust * tag.confidence
        main = present * (BESIDE_PEOPLE if with_people and tag.text == "animal" else 1.0)
        wider += [far for noun in wider for far in _wider_of(nouns, noun)]
        _raise(nouns, NounEvidence(tag.text, main, present, tuple(wider)))
        if tag.parent:
            _raise(nouns, NounEvidence(tag.parent, main, present, (tag.kind,)))
    return replace(evidence, nouns=tuple(sorted(nouns.values(), key=lambda noun: -noun.main)))


def sure_labels(tags: Sequence[Tag]) -> list[str]:
    """Return the narrow confident tags: search terms also where the phrase has a wider word ("dog")."""
    return [tag.text for tag in _things(tags) if _is_narrow(tag)]


def _things(tags: Sequence[Tag]) -> list[Tag]:
    return [tag for tag in tags if tag.kind not in _NO_SUBJECT and tag.confidence >= MIN_TAG]


def _is_narrow(tag: Tag) -> bool:
    return tag.text != tag.kind and is_nameable(tag.text) and not is_wide(tag.text)


def _raise(nouns: dict[str, NounEvidence], found: NounEvidence) -> None:
    old = nouns.get(found.noun, found)
    main, present = max(old.main, found.main), max(old.present, found.present)
    nouns[found.noun] = NounEvidence(found.noun, main, present, tuple(dict.fromkeys((*old.wider, *found.wider))))


def _wider_of(nouns: dict[str, NounEvidence], text: str) -> tuple[str, ...]:
    return nouns[text].wider if text in nouns else ()
