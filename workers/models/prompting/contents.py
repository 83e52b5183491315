"""What an answer's contents must not have: the context's own sentences, and excluded keywords."""

import re

from workers.english.copied_text import has_copied_run, is_part_of
from workers.models.options import Options
from workers.models.writer import Written

_CYRILLIC, _ARABIC, _DEVANAGARI = ("\u0400", "\u04ff"), ("\u0600", "\u06ff"), ("\u0900", "\u097f")
_HAN, _KANA, _HANGUL = ("\u4e00", "\u9fff"), ("\u3040", "\u30ff"), ("\uac00", "\ud7a3")
# Blocks of Unicode with the letters of languages that are written in one script other than Latin.
_SCRIPTS: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "tg", "uk"), (_CYRILLIC,)),
    **dict.fromkeys(("ar", "fa", "ps", "ur"), (_ARABIC,)),
    **dict.fromkeys(("hi", "mr", "ne"), (_DEVANAGARI,)),
    "zh": (_HAN,),
    "yue": (_HAN,),
    "ja": (_HAN, _KANA),
    "ko": (_HANGUL,),
    "he": (("\u0590", "\u05ff"),),
    "el": (("\u0370", "\u03ff"),),
    "th": (("\u0e00", "\u0e7f"),),
    "ka": (("\u10a0", "\u10ff"),),
    "hy": (("\u0530", "\u058f"),),
    "bn": (("\u0980", "\u09ff"),),
    "ta": (("\u0b80", "\u0bff"),),
}


def problem_of(written: Written, options: Options) -> str:
    """Return what a repair request names as the problem of usable fields; "" without one."""
    texts = (written.title, written.alt, written.caption, written.description)
    given = options.given_text
    if any(has_copied_run(text, given) for text in texts) or any(is_part_of(text, given) for text in texts[1:]):
        return "it copies the context instead of describing the image in your own words"
    if not _is_in_script(written.alt, options.language):
        return f"its words are not in the language {options.language}"
    found = [word for word in options.excluded_keywords if any(_has(text, word) for text in texts)]
    return f"it uses the excluded keyword {found[0]!r}" if found else ""


def _is_in_script(text: str, language: str) -> bool:
    """Return whether the text has letters of the language's script, where that is none of Latin."""
    ranges = _SCRIPTS.get(language.partition("-")[0])
    return (
        ranges is None or "-Latn" in language or any(first <= char <= last for char in text for first, last in ranges)
    )


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
