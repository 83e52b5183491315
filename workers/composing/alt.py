"""The alt text (WCAG 2.2, 1.1.1, technique G94; W3C's alt decision tree)."""

import re

from workers.composing.noun_phrase import with_background
from workers.english.grammar import capitalize_first, truncate
from workers.imaging.image_facts import ImageFacts

# Some screen readers pause after 125; docs/api-contract.md allows 250.
ALT_LIMIT = 125
_CLOSE_UP = re.compile(r"^an? (?:extreme )?close-up (?:(?:view|shot) )?of ")


def without_close_up(phrase: str) -> str:
    """Return the phrase without "a close-up of": readers hear what is there, not how it was taken."""
    return _CLOSE_UP.sub("", phrase)


def compose_alt(phrase: str, facts: ImageFacts) -> str:
    text = with_background(without_close_up(phrase), facts) if phrase else facts.scene_phrase_with_article
    return capitalize_first(truncate(text, ALT_LIMIT))
