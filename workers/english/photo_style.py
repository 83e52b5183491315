"""Claims about the colors of the photograph itself, checked against the measured ones."""

import re
from collections.abc import Collection

from workers.english.grammar import fix_articles
from workers.english.lexicon import read_sentence

_PHOTO = r"(?:photo(?:graph|graphy)?|picture|image|pic|shot|snapshot|portrait|selfie|footage|scene|film still)\b"
# "A black and white picture frame" is no photograph.
_IS_PHOTO = rf"(?={_PHOTO}(?!\s+(?:albums?|book|booth|collages?|frames?|walls?)\b))"
_GREY = r"(?:black[ -](?:and|&|n)[ -]white|white[ -]and[ -]black|b ?& ?w|monochrom(?:e|atic)|gr[ea]y[ -]?scale)"
_TINTED = r"(?:sepia(?:[- ]ton(?:ed?|es))?|(?:brown|yellow)[- ](?:toned|tinted))"
# Hues that a sepia or faded print may have, by the names of workers.imaging.colors; black, white and greys besides.
_SEPIA_COLORS = frozenset(("brown", "beige", "orange", "olive", "dark red", "yellow"))
_GREYS = frozenset(("black", "dark grey", "grey", "light grey", "white"))
# Clothes may be black and white in a color photograph, and so may a photograph on the wall.
_KINDS_IN_COLOR = frozenset(("accessory", "clothing", "person"))


def correct_photo_style(phrase: str, colors: Collection[str], *, monochrome: bool) -> str:
    """Remove "black and white" or "sepia" of the whole photograph if it is in color; "sepia" if it is in greys.

    `colors` and `monochrome` are those of workers.imaging.colors.ColorAnalysis. A photograph within the image, such as
    one that someone holds, keeps its words, and so do clothes.
    """
    text = phrase
    if not monochrome:
        text = _without_style(text, _GREY)
    if monochrome or not _may_be_sepia(colors):
        text = _without_style(text, _TINTED)
    return text if text == phrase else fix_articles(" ".join(text.split()).strip(" ,"))


def _may_be_sepia(colors: Collection[str]) -> bool:
    return bool(_SEPIA_COLORS.intersection(colors)) and _SEPIA_COLORS.union(_GREYS).issuperset(colors)


def _without_style(phrase: str, style: str) -> str:
    opening = rf"^((?:(?:an?|the|this|old|vintage)\s+)*|.*\bin\s+(?:an?|this|the)\s+){style}\s+{_IS_PHOTO}"
    phrase = re.sub(opening, r"\1", phrase, count=1, flags=re.IGNORECASE)
    ending = re.compile(rf",?\s+(?:(?:all\s+)?in|shown in)\s+{style}(?:\s+tones?)?(?=$|,|\.)", re.IGNORECASE)
    return ending.sub(lambda found: found[0] if _is_worn(phrase[: found.start()]) else "", phrase)


def _is_worn(before: str) -> bool:
    """Return whether the text ends with someone or something that may be dressed in black and white."""
    if re.search(r"\b(?:dressed|clad|clothed|decked out|painted|striped|outfitted)$", before):
        return True
    reading = read_sentence(before)
    last = reading.mentions[-1] if reading.mentions else None
    return last is not None and last.last == len(reading.tokens) - 1 and last.noun.kind in _KINDS_IN_COLOR
