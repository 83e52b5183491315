"""The description, a long description (WCAG technique G92)."""

from collections.abc import Sequence

from workers.composing.consistent_tags import unmentioned_tags
from workers.composing.noun_phrase import is_bare
from workers.english.consistency import PLACE_KINDS, find_addition, noun_kinds
from workers.english.grammar import as_sentence, join_with_and, with_article
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag


def compose_description(phrase: str, others: Sequence[str], tags: Sequence[Tag], facts: ImageFacts) -> str:
    """Return the phrase, an addition from `others`, tags, colors, light and format."""
    if not phrase:
        return f"{facts.opening_sentence} {as_sentence(f'it is {facts.format_phrase}')}"
    opening = f"this picture shows {phrase} {facts.backdrop_phrase}" if is_bare(phrase) else phrase
    addition = find_addition(phrase, others)
    sentences = [
        as_sentence(opening),
        *([as_sentence(addition)] if addition else []),
        *_objects_sentence(f"{phrase}, {addition}", tags),
    ]
    return " ".join([*sentences, facts.appearance_sentence])


def _objects_sentence(text: str, tags: Sequence[Tag]) -> list[str]:
    """Name two unmentioned tags of other kinds: a snowmobile beside a motorcycle may be the motorcycle."""
    kinds = PLACE_KINDS | noun_kinds(text)
    others = [tag for tag in unmentioned_tags(text, tags) if tag.kind not in kinds]
    objects = [with_article(tag.text, tag.number) for tag in others[:2]]
    return [as_sentence(f"it also shows {join_with_and(objects)}")] if objects else []
