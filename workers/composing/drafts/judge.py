"""Decide an image's kind and draft, and how far both can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.composing.drafts.confidence import REVIEW_BELOW, confidence_of, photo_evidence
from workers.composing.drafts.draft import Draft, draft_blank, draft_graphic, draft_photo
from workers.composing.drafts.kind_naming import DRAWN, name_kind
from workers.composing.drafts.photo_phrase import choose_phrase
from workers.composing.drafts.quoted_text import QuotedText
from workers.composing.noun_phrase import with_background
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Caption
from workers.models.evidence import Evidence

BLANK_CONFIDENCE = 0.5
DRAWN_OR_LOGO = DRAWN | {"logo", "pattern"}
UNKNOWN_CONFIDENCE = 0.02
# Of a photograph: of wild-dev's images below it none was named rightly.
LEAST_CONFIDENCE = 0.15


@dataclass(frozen=True, slots=True)
class JudgedDraft:
    """`confidence`: the probability that alt and caption are right."""

    draft: Draft
    kind: str
    confidence: float
    needs_review: bool


def judge(
    captions: Sequence[Caption],
    evidence: Evidence,
    text: QuotedText,
    facts: ImageFacts,
    blank: str,
    labels: Sequence[str] = (),
) -> JudgedDraft:
    """`labels`: of the classifier, for the tags of a photograph."""
    if blank:
        return JudgedDraft(draft_blank(blank), "pattern", BLANK_CONFIDENCE, needs_review=True)
    kind = name_kind(evidence)
    if not kind.is_photo:
        confidence = confidence_of(group_of(kind.kind), kind.probability)
        return _judged(draft_graphic(kind, evidence, text, facts), kind.kind, confidence)
    chosen = choose_phrase(captions, evidence)
    caption = captions[0].confidence if captions else 0.0
    thing = chosen.main * kind.probability if chosen else 0.0
    confidence = confidence_of("photo", photo_evidence(thing, caption))
    if chosen is None or confidence < LEAST_CONFIDENCE:
        draft = draft_photo(facts.scene_phrase_with_article, frozenset(), evidence, text, facts, labels)
        return _judged(draft, "photo", UNKNOWN_CONFIDENCE)
    phrase = with_background(chosen.phrase, facts)
    return _judged(draft_photo(phrase, chosen.named, evidence, text, facts, labels), "photo", confidence)


def group_of(kind: str) -> str:
    """Return photo, drawn or written, which are calibrated separately."""
    return "photo" if kind == "photo" else "drawn" if kind in DRAWN_OR_LOGO else "written"


def _judged(draft: Draft, kind: str, confidence: float) -> JudgedDraft:
    return JudgedDraft(draft, kind, confidence, confidence < REVIEW_BELOW)
