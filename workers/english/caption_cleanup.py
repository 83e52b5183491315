"""What a captioner said, as a phrase that may be told: the last door before the words, whatever model stands behind it.

The guards are for what captioners of the BLIP kind are seen to produce: loops, echoes of the prompt, "arafed",
watermarks, sentences that end in the middle, markup. tests/workers/bad_captions.jsonl has what becomes of each kind.
"""

import html
import re
import unicodedata
from functools import lru_cache

from workers.english.grammar import (
    DANGLING_WORDS,
    collapse_repetitions,
    first_sentence,
    fix_articles,
    normalize_text,
    strip_dangling_words,
    truncate,
)

LIMIT = 220
# What nobody says in a caption is not read: a model that rambles must not cost time.
_READ = 2000
# What one guard takes off may uncover work for another.
_PASSES = 5

_MARKUP = re.compile(
    r"<(script|style)\b.*?</\1>|<\|[^|<>]{0,40}\|>|</?[a-z!][^<>]{0,200}>|<(?:unk|s|pad|mask)>"
    r"|\[/?(?:cls|sep|pad|unk|mask|inst|dec|enc|unused\d+)\]"
    r"|https?://\S+|\bwww\.\S+|\S+@\S+\.\w+|\b\S+\.(?:jpe?g|png|gif|webp|bmp|tiff?|heic|com|net|org)\b",
    re.IGNORECASE,
)
_WATERMARK = re.compile(
    r"[\s(\[,|-]*(?:(?:with|and|by|from|via|photo|picture|image|credit|courtesy|stock|royalty[- ]free|licen[cs]ed?"
    r"|a|the|of)\W+)*"
    r"(?:©|(?:getty(?:\s?images)?|shutterstock|alamy|i\s?stock\s?photo|i\s?stock|dreamstime|depositphotos|123rf"
    r"|adobe\s?stock|fotolia|pinterest|instagram|flickr|wikimedia|wikipedia|unsplash|watermark\w*|copyright\w*"
    r"|all rights reserved|royalty[- ]free|stock (?:photo|image|footage|illustration|vector)\w*"
    r"|photo (?:by|credit|courtesy)|picture by|image by|clip\s?art|free download)\b).*$",
    re.IGNORECASE,
)
_DIALOGUE = re.compile(
    r"^.{0,300}?\b(?:answer|assistant|output|response)\s*:\s*"
    r"|^(?:caption|answer|assistant|description|alt(?: text)?|title)\s*[:=-]\s*"
    r"|^(?:question|user|human|prompt|instruction)\s*:.*$"
    r"|^(?:describe|caption) (?:this|the) (?:image|picture|photo)\b\W*",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"^(?:i['\u2019]?m sorry|i am sorry|sorry|as an ai|i (?:can ?not|can['\u2019]?t|don['\u2019]?t|do not"
    r"|am unable|am not)"
    r"|unable to|there is no|no (?:caption|description|image)|not (?:available|sure)|error\b|lorem ipsum"
    r"|(?:n/?a|none|null|nan|undefined|unknown|untitled|test|nothing)\W*$"
    # A noun that only BLIP knows, with nothing behind it that says what it is.
    r"|(?:an?\s+)?araf+\w*\s+(?:of|in|on|at|with|is|and|next|near|\w+ing)\b)",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^(?:\d{1,2}[.)]|[-*•>])\s+")
_PICTURE_WORDS = (
    r"(?:image|picture|photo|photograph|photography|pic|snapshot|shot|drawing|painting|illustration"
    r"|screenshot|graphic|portrait|footage)s?"
)
# Not any word: "a man holding a picture of a dog" is no opening formula.
_PICTURE_ADJECTIVES = (
    r"(?:(?:black|and|white|black-and-white|close|up|close-up|closeup|blurry|blurred|grainy|old|vintage|aerial|colou?r"
    r"|digital|stock|cropped|beautiful|nice|great|low|high|quality|night|studio|product|professional|dark|bright|wide|tall|square"
    r"|small|large|panoramic|arafed|araffe\w*)\s+)*"
)
_OPENING = re.compile(
    r"^(?:(?:this|here|it)\s+is\s+|there\s+(?:is|are)\s+|(?:in|on)\s+)?(?:(?:an?|the|this|some)\s+)?"
    rf"{_PICTURE_ADJECTIVES}{_PICTURE_WORDS}"
    r"\s*(?:(?:of|showing|shows|depicting|depicts|featuring|features|contains|is)\b[\s:]*|:\s*"
    r"|,?\s*(?:we|you|i|one)\s+(?:can\s+)?(?:see|observe)\s+)",
    re.IGNORECASE,
)
# "Arafed" and "araffe" are no words; BLIP's large checkpoint puts them before the first noun.
_NOISE = re.compile(
    r"(?<= )a?raf+(?:ed|es?|eed)?\b\s*|^(?:there|here)(?:\s+(?:is|are)|['\u2019]s)\s+|^(?:we|you|i)\s+can\s+see\s+",
    re.IGNORECASE,
)
_NOISE_FIRST = re.compile(r"^araf+(?:ed|es?|eed)?\s+", re.IGNORECASE)
_BARE_PICTURE = re.compile(
    rf"^(?:an?\s+|the\s+|this\s+(?:is\s+)?)*{_PICTURE_ADJECTIVES}"
    rf"(?:{_PICTURE_WORDS}|close[- ]?up|view|caption)(?:\s+(?:of|is))?$",
    re.IGNORECASE,
)
# "A hat on top of a hat", "a stove and a stove": of a man beside a man nothing is taken off.
_LOOP = re.compile(
    r"\b((?:an?|the|some)(?:\s+[\w-]+){1,5})(\s.*?|,.*?)??,?\s+(?:and|with|of|on|in|on top of|in front of|and then)"
    r"\s+\1(?=$|,|\s+(?:and|on)\b)",
    re.IGNORECASE,
)
_SPACED = [
    (re.compile(r"\b(\w+) ?(['\u2019]) s\b"), r"\1\2s"),
    (re.compile(r" +([,.;:!?])"), r"\1"),
    (re.compile(r"\b(t|x|u|close|semi|multi) - (\w)"), r"\1-\2"),
    (re.compile(r"\b([Cc])lose ?up(?= of| view|$)"), r"\1lose-up"),
    (re.compile(r"[\"\\{}<>|*_~^`=]+|(?<!\w)'(?=\w)|(?<=\w)'(?!\w)|\((?![^()]*\))|(?<!\S)[#@](?=\w)"), ""),
    (re.compile(r",(?:\s*,)+"), ","),
    (re.compile(r"\s&\s"), " and "),
    (re.compile(r"\b(\w+)(?:(?: and| or|,) \1\b)+"), r"\1"),
]
_FIRST = frozenset(("a", "an", "the", "two", "three", "four", "five", "six", "some", "several", "many", "one"))


@lru_cache(2048)
def clean_caption(text: str) -> str:
    """In mid-sentence form, without full stop, at most LIMIT characters; "" where nothing can be told of it.

    No "image of" (W3C's alt decision tree and WCAG technique G94: a screen reader says that itself), no second
    sentence, no letters of other scripts (WCAG 3.1.2: words of another language would have to be marked as such).
    """
    for _ in range(_PASSES):
        before, text = text, _guarded(text)
        if text == before:
            break
    return text


def _guarded(text: str) -> str:
    text = _DIALOGUE.sub("", _MARKUP.sub(" ", html.unescape(text[:_READ])).strip())
    text = normalize_text(_latin(_WATERMARK.sub("", _lowered(normalize_text(text)))))
    if _REFUSAL.match(text):
        return ""
    text = first_sentence(_NUMBERING.sub("", text)).rstrip(" .,;:!?-…")
    while (stripped := _NOISE_FIRST.sub("a ", _NOISE.sub("", _OPENING.sub("", text))).lstrip(" ,:-")) != text:
        text = stripped
    for pattern, replacement in _SPACED:
        text = pattern.sub(replacement, text)
    text = truncate(_unlooped(collapse_repetitions(text)), LIMIT)
    text = strip_dangling_words(text.rstrip(" .,;:!?-…").split())
    return fix_articles(_mid_sentence(normalize_text(text))) if has_content(text) else ""


def _mid_sentence(text: str) -> str:
    first, _, rest = text.partition(" ")
    return f"{first.lower()} {rest}" if rest and first.lower() in _FIRST else text


def has_content(text: str) -> bool:
    """A word that is no function word, and more than that it is a picture."""
    words = re.findall(r"[^\W\d_]{2,}", text.lower())
    return any(word not in DANGLING_WORDS for word in words) and not _BARE_PICTURE.match(text)


def _lowered(text: str) -> str:
    """Capitals throughout, or on "The" and "On" as in a headline, say nothing; screen readers may spell them."""
    words = text.split()
    shouted = len(words) > 1 and not any(c.islower() for c in text)
    small = [word for word in words[1:] if word.lower() in DANGLING_WORDS]
    headline = len(small) > 0 and all(word[0].isupper() for word in words if word[0].isalpha())
    return text.lower() if shouted or headline else text


def _latin(text: str) -> str:
    """Without pictographs and without words in other scripts; "" where these are the greater part."""
    if text.isascii():
        return text
    plain = "".join(c for c in text if unicodedata.category(c) not in {"So", "Sk", "Me"} and c not in "\ufe0e\ufe0f")
    words = [word for word in plain.split() if all(_is_latin(c) for c in word)]
    letters = sum(c.isalpha() for c in plain)
    return " ".join(words) if 2 * sum(c.isalpha() for word in words for c in word) > letters else ""


def _is_latin(character: str) -> bool:
    return not character.isalpha() or character.isascii() or "LATIN" in unicodedata.name(character, "")


def _unlooped(text: str) -> str:
    """A thing that is said again of itself is said once."""
    while (match := _LOOP.search(text)) is not None:
        text = (text[: match.start()] + match[1] + (match[2] or "") + text[match.end() :]).strip()
    return text
