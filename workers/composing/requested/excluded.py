"""Excluded keywords: what they name is left out before words are composed, and what is left of them afterwards."""

from collections.abc import Sequence
from dataclasses import replace

from workers.composing.filename import append_words, slugify
from workers.composing.metadata import ComposedMetadata
from workers.composing.requested.words import any_word, without_word
from workers.composing.written.plain_text import sentences
from workers.english.grammar import as_sentence, capitalize_first, strip_dangling_words
from workers.models.base import Caption, Tag
from workers.models.evidence import Evidence, TextLine

_LEFT = "image"


def captions_without(captions: Sequence[Caption], excluded: Sequence[str]) -> list[Caption]:
    return [caption for caption in captions if not any_word(caption.text, excluded)]


def tags_without(tags: Sequence[Tag], excluded: Sequence[str]) -> list[Tag]:
    return [tag for tag in tags if not any_word(tag.text, excluded)]


def evidence_without(evidence: Evidence, excluded: Sequence[str]) -> Evidence:
    """Return the evidence without the nouns: a wider one ("animal") takes their place in the words."""
    return replace(evidence, nouns=tuple(noun for noun in evidence.nouns if not any_word(noun.noun, excluded)))


def lines_without(lines: Sequence[TextLine] | None, excluded: Sequence[str]) -> list[TextLine] | None:
    return None if lines is None else [line for line in lines if not any_word(line.text, excluded)]


def composed_without(composed: ComposedMetadata, excluded: Sequence[str]) -> ComposedMetadata:
    """Cut what is left: sentences of the description, tags, else the word itself, and then a person looks at it."""
    texts = (composed.title, composed.alt, composed.caption)
    is_cut = any(any_word(text, excluded) for text in texts)
    kept = [sentence for sentence in sentences(composed.description) if not any_word(sentence, excluded)]
    title, alt, caption = (_cut(text, excluded) for text in texts)
    description = " ".join(kept) if kept else as_sentence(_cut(composed.description, excluded) or _LEFT)
    tags = tuple(tag for tag in composed.seo_tags if not any_word(tag, excluded))
    return replace(
        composed,
        title=title or capitalize_first(composed.kind),
        alt="" if composed.decorative else alt or capitalize_first(composed.kind),
        caption=as_sentence(caption or composed.kind),
        description=description,
        seo_tags=tags,
        filename_candidates=_filenames(composed.filename_candidates, tags, composed.kind, excluded),
        needs_review=composed.needs_review or is_cut,
    )


def _cut(text: str, excluded: Sequence[str]) -> str:
    before = text
    for word in excluded:
        text = without_word(text, word)
    if text != before:
        text = strip_dangling_words(text.split())
    return capitalize_first(text) if any(map(str.isalnum, text)) else ""


def _filenames(names: Sequence[str], tags: Sequence[str], kind: str, excluded: Sequence[str]) -> tuple[str, ...]:
    """Return the names without the words, and longer ones for the next images."""
    cut = (slugify(_cut(name.replace("-", " "), excluded)) for name in names)
    base, *others = list(dict.fromkeys(name for name in cut if name)) or [kind]
    return tuple(dict.fromkeys([base, *others, *(append_words(base, tag) for tag in tags)]))
