"""Clean the caption of any model; tests/workers/english/bad_captions.jsonl lists the defects and results."""

import html
import re
import unicodedata
from functools import lru_cache

from workers.english.caption_cleanup import artifacts
from workers.english.caption_cleanup.idioms import correct_idioms
from workers.english.caption_cleanup.image_phrases import has_content, strip_image_openings
from workers.english.caption_cleanup.repetition import collapse_repetitions, merge_repeated_noun_phrases
from workers.english.grammar import (
    DANGLING_WORDS,
    first_sentence,
    fix_articles,
    normalize_text,
    strip_dangling_words,
    truncate,
)
from workers.english.lexicon import agree_in_number

LIMIT = 220
# Bounds the time; the rest is ignored.
_MAX_INPUT = 2000
# One rule may uncover work for another.
_PASSES = 5
_SPACING_AND_PUNCTUATION = [
    (re.compile(r"\b(\w+) ?(['\u2019]) s\b"), r"\1\2s"),
    (re.compile(r" +([,.;:!?])"), r"\1"),
    (re.compile(r"\b(t|x|u|close|semi|multi) - (\w)"), r"\1-\2"),
    (re.compile(r"\b([Cc])lose ?up(?= of| view|$)"), r"\1lose-up"),
    (re.compile(r"[\"\\{}<>|*_~^`=]+|(?<!\w)'(?=\w)|(?<=\w)'(?!\w)|\((?![^()]*\))|(?<!\S)[#@](?=\w)"), ""),
    (re.compile(r",(?:\s*,)+"), ","),
    (re.compile(r"\s&\s"), " and "),
    (re.compile(r"\b(\w+)(?:(?: and| or|,) \1\b)+"), r"\1"),
]
_LOWERCASE_FIRST_WORDS = frozenset(
    ("a", "an", "the", "two", "three", "four", "five", "six", "some", "several", "many", "one")
)


@lru_cache(2048)
def clean_caption(text: str) -> str:
    """Return a phrase of at most LIMIT characters without initial capital and full stop; "" without content.

    Only Latin letters stay: WCAG 3.1.2 requires markup for other languages.
    """
    for _ in range(_PASSES):
        before, text = text, _clean_once(text)
        if text == before:
            break
    return text


def _clean_once(text: str) -> str:
    text = artifacts.DIALOGUE.sub("", artifacts.MARKUP.sub(" ", html.unescape(text[:_MAX_INPUT])).strip())
    text = normalize_text(_latin_only(artifacts.WATERMARK.sub("", _fix_capitals(normalize_text(text)))))
    if artifacts.REFUSAL.match(text):
        return ""
    text = first_sentence(artifacts.NUMBERING.sub("", text)).rstrip(" .,;:!?-…")
    text = strip_image_openings(text)
    for pattern, replacement in _SPACING_AND_PUNCTUATION:
        text = pattern.sub(replacement, text)
    text = truncate(merge_repeated_noun_phrases(collapse_repetitions(text)), LIMIT)
    text = strip_dangling_words(text.rstrip(" .,;:!?-…").split())
    if not has_content(text):
        return ""
    return agree_in_number(fix_articles(correct_idioms(_mid_sentence(normalize_text(text)))))


def _mid_sentence(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}" if rest and first.lower() in _LOWERCASE_FIRST_WORDS else text


def _fix_capitals(text: str) -> str:
    """Lower-case upper case and title case; screen readers may spell capitals."""
    words = text.split()
    is_upper = len(words) > 1 and not any(c.islower() for c in text)
    small_words = [word for word in words[1:] if word.lower() in DANGLING_WORDS]
    is_title = len(small_words) > 0 and all(word[0].isupper() for word in words if word[0].isalpha())
    return text.lower() if is_upper or is_title else text


def _latin_only(text: str) -> str:
    """Remove pictographs and words in other scripts; "" if these are the majority."""
    if text.isascii():
        return text
    plain = "".join(c for c in text if unicodedata.category(c) not in {"So", "Sk", "Me"} and c not in "\ufe0e\ufe0f")
    words = [word for word in plain.split() if all(_is_latin(c) for c in word)]
    letters = sum(c.isalpha() for c in plain)
    return " ".join(words) if 2 * sum(c.isalpha() for word in words for c in word) > letters else ""


def _is_latin(character: str) -> bool:
    return not character.isalpha() or character.isascii() or "LATIN" in unicodedata.name(character, "")
