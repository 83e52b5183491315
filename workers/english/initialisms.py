"""Initialisms of models that write lower case."""

import re

from workers.english.grammar import indefinite_article

# "Led" is a verb, too.
_LOWER_CASE = re.compile(r"\b(an? )?(3d|atv|bmx|cad|cd|dj|dvd|gps|lcd|pc|qr|suv|tv|ufo|uml|usb)(?=s?\b)")


def capitalize_initialisms(text: str) -> str:
    """Return "an SUV beside a TV" for "a suv beside a tv"."""
    return _LOWER_CASE.sub(_capitalized, text)


def _capitalized(found: re.Match[str]) -> str:
    initialism = found[2].upper()
    return f"{indefinite_article(initialism)} {initialism}" if found[1] else initialism
