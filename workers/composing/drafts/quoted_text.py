"""The text that was read, chosen and shortened for the fields; secrets are left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.english.secrets import without_secrets
from workers.models.evidence import Evidence, TextLine
from workers.models.ocr.layout import has_heading, headline, quotable, text_height

SHORT_WORDS, QUOTE_WORDS, NAME_WORDS = 8, 14, 5
MAX_SHORT, MAX_QUOTE = 70, 110
MAX_TITLE_TOP = 0.3
# Of the lines of wild-dev below it 3 % of the words are in the image's described text, of those above 0.98 50 %.
MIN_CONFIDENCE = 0.9
# Share of the image's height.
PROMINENT = 0.05
_WRITTEN = frozenset(("chart", "diagram", "map", "document", "poster", "screenshot", "logo", "comic"))
_ORNAMENTS = " \u00b7\u2022|_-\u2013\u2014"
# What is written in them are labels that are apart.
_LABELLED = frozenset(("chart", "diagram", "document", "map", "screenshot"))
# With it or one of these kinds 88 % of wild-dev's images with text are read, and 23 % of those without.
MIN_TEXT = 0.35


@dataclass(frozen=True, slots=True)
class QuotedText:
    """`headline`: the largest text where it is a name, `short` for the alt, `quote` for the description; "" if none.

    `is_title`: the headline has several words and is in the upper part, unlike the label of an axis. `is_prominent`:
    the text is short and large, as the print on a mug. `is_heading`: the title is larger than the body of a page.
    """

    headline: str = ""
    short: str = ""
    quote: str = ""
    is_title: bool = False
    is_prominent: bool = False
    is_heading: bool = False

    @property
    def name(self) -> str:
        """Return the whole text where it is short ("Gadgets Gallery"), else the headline."""
        is_whole = len(self.short.split()) <= NAME_WORDS and self.short == self.quote
        return self.short if is_whole else self.headline


def may_have_text(evidence: Evidence) -> bool:
    """Return whether reading is worth its time: by the most probable kind, or by the text head."""
    return evidence.kind[0] in _WRITTEN or evidence.text >= MIN_TEXT


def quote_text(lines: Sequence[TextLine], kind: str = "") -> QuotedText:
    """Return what to quote of an image of this kind: labels with commas between them, running text without."""
    kept = [line for line in without_secrets(list(lines)) if line.confidence >= MIN_CONFIDENCE]
    if not kept:
        return QuotedText()
    title = _cut(headline(kept), MAX_SHORT)
    joined = _listed if kind in _LABELLED else " ".join
    short = _cut(joined(quotable(kept, SHORT_WORDS)), MAX_SHORT)
    quote = _cut(joined(quotable(kept, QUOTE_WORDS)), MAX_QUOTE)
    first = title.split(" ", 1)[0]
    top = min((line.top for line in kept if first and first in line.text), default=1.0)
    is_title = top <= MAX_TITLE_TOP and len(title.split()) > 1
    is_prominent = bool(quote) and quote == short and max(map(text_height, kept)) >= PROMINENT
    return QuotedText(title, short, quote or short, is_title, is_prominent, is_title and has_heading(kept))


def _listed(phrases: Sequence[str]) -> str:
    """Join phrases that are apart in the image by commas: "Theme Editor, Route, Store"."""
    return " ".join(
        phrase if phrase == phrases[-1] or not phrase[-1:].isalnum() else f"{phrase}," for phrase in phrases
    )


def _cut(text: str, limit: int) -> str:
    """Cut at a word; quotation marks inside become single ones."""
    text = text.replace('"', "'").replace("\u201c", "'").replace("\u201d", "'").strip(_ORNAMENTS)
    return text if len(text) <= limit else text[: limit + 1].rpartition(" ")[0].rstrip(" ,;:")
