"""Correct the kind by the text that was read: it was predicted from a view in which most text is too small to read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workers.imaging.image_facts import ImageFacts
from workers.models.evidence import KINDS, Evidence, TextLine
from workers.models.ocr.layout import text_height

# Of wild-train's 133 screenshots 5 % have text higher than this share of the longer side, of its 101 posters 55 %.
LARGE_TEXT = 0.06
SCREENSHOT_LIKELIHOOD = 0.1
# Share of the images of wild-train in which a careful reader found no text; of the rarest, as of one more image.
NO_TEXT_LIKELIHOOD = {
    "photo": 0.86,
    "painting": 0.98,
    "drawing": 0.94,
    "illustration": 0.90,
    "comic": 0.62,
    "render": 0.78,
    "screenshot": 0.08,
    "chart": 0.12,
    "diagram": 0.08,
    "map": 0.29,
    "document": 0.33,
    "poster": 0.01,
    "logo": 0.41,
    "pattern": 0.91,
}


def with_text_evidence(evidence: Evidence, lines: Sequence[TextLine] | None, facts: ImageFacts) -> Evidence:
    """Return the evidence with the likelihood ratio of large text, or of none; None: the text was not read."""
    if not evidence.kinds or lines is None:
        return evidence
    if not lines:
        return _weighted(evidence, NO_TEXT_LIKELIHOOD)
    share = facts.height / max(facts.width, facts.height)
    is_large = max(map(text_height, lines)) * share >= LARGE_TEXT
    return _weighted(evidence, {"screenshot": SCREENSHOT_LIKELIHOOD}) if is_large else evidence


def _weighted(evidence: Evidence, likelihood: Mapping[str, float]) -> Evidence:
    kinds = zip(KINDS, evidence.kinds, strict=True)
    weighted = [probability * likelihood.get(kind, 1.0) for kind, probability in kinds]
    total = sum(weighted)
    if not total:
        return evidence
    return replace(evidence, kinds=tuple(probability / total for probability in weighted))
