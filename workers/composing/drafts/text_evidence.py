"""Correct the kind by the text that was read: it was predicted from a view in which most text is too small to read."""

from collections.abc import Sequence
from dataclasses import replace

from workers.imaging.image_facts import ImageFacts
from workers.models.evidence import KINDS, Evidence, TextLine
from workers.models.ocr.layout import text_height

# Of wild-train's 133 screenshots 5 % have text higher than this share of the longer side, of its 101 posters 55 %.
LARGE_TEXT = 0.06
SCREENSHOT_LIKELIHOOD = 0.1


def with_text_size(evidence: Evidence, lines: Sequence[TextLine], facts: ImageFacts) -> Evidence:
    """Return the evidence with the likelihood ratio of large text for a screenshot."""
    share = facts.height / max(facts.width, facts.height)
    if not evidence.kinds or max(map(text_height, lines), default=0.0) * share < LARGE_TEXT:
        return evidence
    screenshot = KINDS.index("screenshot")
    weighted = [
        probability * (SCREENSHOT_LIKELIHOOD if index == screenshot else 1.0)
        for index, probability in enumerate(evidence.kinds)
    ]
    total = sum(weighted)
    return replace(evidence, kinds=tuple(probability / total for probability in weighted))
