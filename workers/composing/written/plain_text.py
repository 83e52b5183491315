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
_GERMAN_QUOTE = re.compile('\u201e([^"\u201e]*)"')
_GAPS, _GAPS_BEFORE_STOPS = re.compile(r"\s+([,.;:!?])"), re.compile(r"\s+([,.])")
_SPACED_MARK = re.compile(r"\w[ \u00a0\u202f][;:!?](?:\s|$)")
# No end of a sentence: "A St. Bernard", "J. S. Bach", "am 1. Mai", "z. B. ein Boot".
_NO_END = re.compile(
    r"(?:\b(?:[^\W\d_]|\d{1,2}|st|mt|dr|mrs?|ms|jr|sr|vs|no|nr|ca|bzw|etc|str|sra|av|mme|mlle|prof|approx))\.$",
    re.IGNORECASE,
)


def plain_text(text: str) -> str:
    """Return one line without markup and addresses; quotation marks stay inside."""
    # French has a space before these marks.
    gaps = _GAPS if _SPACED_MARK.search(text) is None else _GAPS_BEFORE_STOPS
    text = _LINK.sub(r"\1", _TAG.sub(" ", text))
    text = _MARKS.sub(" ", _ADDRESS.sub("", text))
    quoted = text.strip().endswith(('"', "\u201c", "\u201d"))
    line = gaps.sub(r"\1", normalize_text(text))
    # normalize_text makes German quotations English, and strips the marks around the whole, also the closing one of a
    # quote at its end.
    line = _GERMAN_QUOTE.sub("\u201e\\1\u201c", f'{line}"' if quoted and "\u201e" in line else line)
    if line.count("\u00ab") > line.count("\u00bb") and (closing := re.search(r"\s?\u00bb$", text.strip())):
        return f"{line}{closing[0]}"
    return f'{line}"' if quoted and line.count('"') % 2 else line


def without_secrets(text: str) -> str:
    """Return the text without quotes that hold a secret, and without sentences that still do."""
    text = _QUOTED.sub(lambda found: "" if is_secret(found[0]) else found[0], text)
    if not is_secret(text):
        return text
    return " ".join(sentence for sentence in sentences(text) if not is_secret(sentence))


def sentences(text: str) -> list[str]:
    found: list[str] = []
    for part in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        if found and (_NO_END.search(found[-1]) or (found[-1][-1] == "." and part[0].islower())):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


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
