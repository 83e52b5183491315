"""Select tags by their consistency with the caption."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.noun_phrase import remove_unsupported
from workers.english.consistency import is_mentioned, tag_contradicts
from workers.english.grammar import normalize_text, without_article
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag

MIN_CONFIDENCE = 0.45
HIGH_CONFIDENCE = 0.75


def consistent_tags(phrase: str, tags: Sequence[Tag], facts: ImageFacts, *, neutral_people: bool) -> list[Tag]:
    """Return the tags above MIN_CONFIDENCE that do not contradict the phrase."""
    kept = []
    for tag in tags:
        if tag.confidence < MIN_CONFIDENCE or tag_contradicts(phrase, tag):
            continue
        text = remove_unsupported(normalize_text(tag.text), facts, neutral_people=neutral_people)
        if text:
            kept.append(replace(tag, text=without_article(text)))
    return kept


def unmentioned_tags(text: str, tags: Sequence[Tag]) -> list[Tag]:
    """Return the confident tags that the text does not mention, without their hypernyms.

    A second animal or person is more often another reading than another being.
    """
    confident = [tag for tag in tags if tag.confidence >= HIGH_CONFIDENCE and tag.kind not in {"", "animal", "person"}]
    hypernyms = {tag.parent for tag in confident}
    return [tag for tag in confident if tag.text not in hypernyms and not is_mentioned(text, tag)]
