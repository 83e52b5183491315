"""Plain text of what a model wrote: no addresses, no markup, no secrets, in any language."""

import re

from workers.english.grammar import normalize_text
from workers.english.secrets import is_secret

_TAG = re.compile(r"<[^<>]{0,500}>")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()]{0,500}\)")
_ADDRESS = re.compile(
    r"(?i)\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.|javascript:|data:)\S+"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,24}/\S*"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|dev|app|info|biz|xyz|ai|co|ru|cn|de|fr|uk|jp|example|test)\b(?:/\S*)?"
)
_MARKS = re.compile(r"[*_`#|\\<>]{1,}|^\s*[-\u2022]\s+")
# Below it a Latin sentence ends; the others end Chinese and Japanese, Hindi and Arabic ones.
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)]?\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|(?<=[\u0964\u061f])\s+")
_QUOTED = re.compile(
    '"[^"]{1,300}"|\u201c[^\u201d]{1,300}\u201d|\u201e[^\u201c\u201d]{1,300}[\u201c\u201d]|\u00ab[^\u00bb]{1,300}\u00bb|\u300c[^\u300d]{1,300}\u300d'
)
_GAPS = re.compile(r"\s+([,.;:!?])")


def plain_text(text: str) -> str:
    """Return one line without markup and addresses; quotation marks stay inside."""
    text = _LINK.sub(r"\1", _TAG.sub(" ", text))
    text = _MARKS.sub(" ", _ADDRESS.sub("", text))
    quoted = text.strip().endswith(('"', "\u201d"))
    line = _GAPS.sub(r"\1", normalize_text(text))
    # normalize_text strips quotation marks around the whole, also the closing one of a quote at its end.
    return f'{line}"' if quoted and line.count('"') % 2 else line


def without_secrets(text: str) -> str:
    """Return the text without quotes that hold a secret, and without sentences that still do."""
    text = _QUOTED.sub(lambda found: "" if is_secret(found[0]) else found[0], text)
    if not is_secret(text):
        return text
    return " ".join(sentence for sentence in sentences(text) if not is_secret(sentence))


def sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if part and part.strip()]


def truncated(text: str, limit: int) -> str:
    """Return at most `limit` characters, cut behind a clause, else a word, else a character (no spaces in Japanese)."""
    if len(text) <= limit:
        return text
    start = text[: limit + 1]
    for boundary in (
        r"[.!?\u3002\uff01\uff1f\u0964]\W*(?=\s|$|[^\W\d_])|[\u3002\uff01\uff1f]",
        r"[,;:\u3001\uff0c\uff1b]\s*",
        r"\s+",
    ):
        ends = [found.start() for found in re.finditer(boundary, start) if found.start() >= limit // 2]
        if ends:
            return text[: ends[-1]].rstrip(" ,;:-\u3001\uff0c\uff1b")
    return text[:limit].rstrip()
