"""Initialisms: of models that write lower case, and in names that are written in capitals."""

import re

from workers.english.grammar import DANGLING_WORDS, INITIALISMS, capitalize_first, indefinite_article

# "Led" is a verb, too.
_LOWER_CASE = re.compile(r"\b(an? )?(3d|atv|bmx|cad|cd|dj|dvd|gps|lcd|pc|qr|suv|tv|ufo|uml|usb)(?=s?\b)")
# Of two letters, which may be initialisms ("NY").
_SHORT_WORDS = DANGLING_WORDS | frozenset(("do", "go", "he", "i", "me", "my", "no", "oh", "she", "we"))


def capitalize_initialisms(text: str) -> str:
    """Return "an SUV beside a TV" for "a suv beside a tv"."""
    return _LOWER_CASE.sub(_capitalized, text)


def _capitalized(found: re.Match[str]) -> str:
    initialism = found[2].upper()
    return f"{indefinite_article(initialism)} {initialism}" if found[1] else initialism


def in_name_case(text: str) -> str:
    """Return a name of several words in capitals as "The Small Garden"; one word may be a brand or an initialism."""
    words = text.split()
    least = 4 if len(words) > 1 else 6
    shouted = [word for word in words if len(word) >= least and word.isupper()]
    if not shouted:
        return text
    is_all = not any(character.islower() for character in text)
    return " ".join(_in_word_case(word) if is_all or word in shouted else word for word in words)


def _in_word_case(word: str) -> str:
    """Return "Jewelry" for "JEWELRY"; initialisms and numbers stay."""
    letters = word.strip(".,:;!?")
    is_short = len(letters) < 3 and letters.lower() not in _SHORT_WORDS
    is_short |= not set(letters) & set("AEIOUY")
    is_other = not word.isupper() or "." in letters or any(map(str.isdigit, word))
    return word if is_short or is_other or letters in INITIALISMS else capitalize_first(word.lower())
