"""Whole words in a text: keywords are found, and excluded ones removed, whatever their number and case."""

import re
from collections.abc import Iterable
from functools import lru_cache

from workers.english.grammar import capitalize_first, fix_articles, singularize
from workers.english.spelling.respell import respell, spellings_of


def has_word(text: str, word: str) -> bool:
    """Return whether the text has the word, or the words in a row, in singular or plural; also without spaces around
    in languages that have none.
    """
    return _pattern(word).search(text) is not None


def without_word(text: str, word: str) -> str:
    """Return the text without the word, its articles and spaces put right."""
    cut = _pattern(word).sub("", text)
    if cut == text:
        return text
    cut = re.sub(r"\b(?:an?|the) (?=(?:and|or|in|on|at|of|with|is|are)\b|[.,;]|$)", "", re.sub(r"\s+", " ", cut))
    cut = re.sub(r"\s+([.,;:!?])", r"\1", cut).strip(" ,;:-")
    if re.match(r"An? ", cut):
        return capitalize_first(fix_articles(cut[0].lower() + cut[1:]))
    return fix_articles(cut)


def singular(text: str) -> str:
    """Return a key that the singular and plural, and the spellings, of an English text share."""
    return " ".join(respell(singularize(part), "en") for part in re.findall(r"\w+", text.lower()))


def any_word(text: str, words: Iterable[str]) -> bool:
    return any(has_word(text, word) for word in words)


@lru_cache(512)
def _pattern(word: str) -> re.Pattern[str]:
    parts = re.findall(r"\w+", word)
    forms = [rf"(?:{'|'.join(sorted(map(re.escape, _forms(part)), key=len, reverse=True))})" for part in parts]
    body = r"[\W_]+".join(forms)
    # Chinese, Japanese and Thai write words without spaces between them.
    is_spaced = all(char.isascii() or char.lower() != char.upper() for char in "".join(parts) if char.isalpha())
    return re.compile(rf"(?<!\w){body}(?!\w)" if is_spaced else body, re.IGNORECASE)


def _forms(part: str) -> set[str]:
    """Return the part as it is and in the plural or singular of English, in all its spellings."""
    return {form for low in spellings_of(part.lower()) for form in _numbers(low)}


def _numbers(low: str) -> set[str]:
    return {low, singularize(low), f"{low}s", f"{low}es", *({f"{low[:-1]}ies"} if low.endswith("y") else ())}
