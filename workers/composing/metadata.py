"""Compose the metadata from captions, tags and image facts; without confident tags, from image facts alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from workers.composing.alt import compose_alt
from workers.composing.caption import compose_caption
from workers.composing.consistent_tags import HIGH_CONFIDENCE, consistent_tags, unmentioned_tags
from workers.composing.description import compose_description
from workers.composing.drafts.confidence import REVIEW_BELOW
from workers.composing.drafts.draft_fields import (
    draft_alt,
    draft_description,
    draft_filenames,
    draft_tags,
    draft_title,
)
from workers.composing.drafts.judge import JudgedDraft, judge
from workers.composing.drafts.label_evidence import sure_labels, with_tags
from workers.composing.drafts.quoted_text import quote_text
from workers.composing.drafts.text_evidence import with_text_evidence
from workers.composing.filename import filename_candidates
from workers.composing.noun_phrase import remove_unsupported
from workers.composing.tags import compose_tags
from workers.composing.title import compose_title
from workers.english.caption_cleanup import clean_caption
from workers.english.consistency import colors_agree
from workers.english.grammar import as_sentence
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption, Tag
from workers.models.evidence import Evidence, TextLine

NO_EVIDENCE = Evidence()


class Metadata(TypedDict):
    """The object `metadata` of docs/api-contract.md."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    seoTags: list[str]


@dataclass(frozen=True, slots=True)
class ComposedMetadata:
    """The metadata, with valid file names, best first, for when `filename` is taken."""

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    filename_candidates: tuple[str, ...]
    seo_tags: tuple[str, ...]
    kind: str
    confidence: float
    needs_review: bool
    # Of the keywords that the options ask for; None where they ask for none.
    unused_keywords: tuple[str, ...] | None = None
    decorative: bool = False

    def as_metadata(self) -> Metadata:
        return {
            "title": self.title,
            "alt": self.alt,
            "caption": self.caption,
            "description": self.description,
            "filename": self.filename,
            "seoTags": list(self.seo_tags),
        }


def compose(
    captions: Sequence[Caption],
    tags: Sequence[Tag],
    facts: ImageFacts,
    *,
    evidence: Evidence = NO_EVIDENCE,
    lines: Sequence[TextLine] | None = None,
    blank: str = "",
    neutral_people: bool = True,
) -> ComposedMetadata:
    """Compose metadata within the contract's limits from any input; captions come best first.

    `lines`: text that was read, None where none was looked for; `blank`: the color of an image without detail.
    `neutral_people` removes gender; names, professions and places are always removed.
    """
    confident = frozenset(tag.text for tag in tags if tag.confidence >= HIGH_CONFIDENCE)
    cleaned = [
        replace(caption, text=text)
        for caption in captions
        if (
            text := remove_unsupported(
                clean_caption(caption.text), facts, neutral_people=neutral_people, confident_labels=confident
            )
        )
    ]
    if not (evidence.kinds or blank):
        return _compose_from_captions(cleaned, tags, facts, neutral_people=neutral_people)
    evidence = with_tags(with_text_evidence(evidence, lines, facts), tags)
    judged = judge(cleaned, evidence, quote_text(lines or (), evidence.kind[0]), facts, blank, sure_labels(tags))
    return _compose_from_draft(judged, facts)


def _compose_from_draft(judged: JudgedDraft, facts: ImageFacts) -> ComposedMetadata:
    draft = judged.draft
    names = draft_filenames(draft)
    return ComposedMetadata(
        title=draft_title(draft),
        alt=draft_alt(draft),
        caption=as_sentence(draft.phrase),
        description=draft_description(draft),
        filename=names[0],
        filename_candidates=names,
        seo_tags=draft_tags(draft),
        kind=judged.kind,
        confidence=judged.confidence,
        needs_review=judged.needs_review,
    )


def _compose_from_captions(
    captions: Sequence[Caption], tags: Sequence[Tag], facts: ImageFacts, *, neutral_people: bool
) -> ComposedMetadata:
    phrase, *others = list(dict.fromkeys(caption.text for caption in captions)) or [""]
    consistent = consistent_tags(phrase, tags, facts, neutral_people=neutral_people)
    if facts.backdrop_phrase and not colors_agree(phrase, facts.colors):
        facts = replace(facts, colors=())
    names = filename_candidates(phrase, unmentioned_tags(phrase, consistent), facts)
    confidence = captions[0].confidence if captions else 0.0
    return ComposedMetadata(
        title=compose_title(phrase, consistent, facts),
        alt=compose_alt(phrase, facts),
        caption=compose_caption(phrase, facts),
        description=compose_description(phrase, others, consistent, facts),
        filename=names[0],
        filename_candidates=names,
        seo_tags=compose_tags(phrase, consistent, facts),
        kind="photo",
        confidence=confidence,
        needs_review=confidence < REVIEW_BELOW,
    )
