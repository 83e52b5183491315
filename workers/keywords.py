"""Search words: seoTags and file names."""

import re
from collections.abc import Iterable, Sequence

from workers.grammar import HANGING, PREPOSITIONS, ascii_words, cleaned, singular
from workers.models.base import Tag

FILENAME_LIMIT = 80
TAG_LIMIT = 40
MIN_TAGS = 3
MAX_TAGS = 15
FEW_TAGS = 5
LIKELY = 0.45

_FILLER = HANGING | PREPOSITIONS | frozenset((
    "there", "he", "she", "they", "them", "him", "we", "you", "i", "one", "two", "three", "four", "five", "six",
    "several", "many", "few", "another", "other", "each", "who", "what", "top", "front", "back", "side", "middle",
    "bunch", "group", "pair", "couple", "lot", "piece", "picture", "image", "photo", "scene", "has", "have", "had"
))  # fmt: skip
# Nouns that look like participles.
_ING_NOUNS = frozenset(("building", "ceiling", "clothing", "ring", "sling", "string", "swing", "wing"))


def keywords(phrase: str, tags: Sequence[Tag], surroundings: Sequence[str], filler: Sequence[str] = ()) -> list[str]:
    """3 to 15, best first, lower case, no near-duplicates: the sure and the likely tags with their wider word, then
    the nouns of the phrase, then what is true of the picture anyway. Filler only up to FEW_TAGS.
    """
    likely = [tag for tag in tags if tag.confidence >= LIKELY]
    # "Tabby cat" goes before "cat" only if the phrase dares to say it.
    named = sorted(likely, key=lambda tag: -len(tag.text) if f" {tag.text} " in f" {phrase} " else 0)
    wider = [text for tag in named for text in (tag.text, tag.parent)]
    kept = _distinct([*wider, *chunks(phrase)])[: MAX_TAGS - 4]
    found = _distinct([*kept, *surroundings])[:MAX_TAGS]
    found += _distinct([*found, *filler])[len(found) : max(len(found), FEW_TAGS)]
    return found if len(found) >= MIN_TAGS else _distinct([*found, "picture", "image", "digital image"])[:MIN_TAGS]


def chunks(phrase: str) -> list[str]:
    """The phrase cut at its function words and participles: "a cat sitting on a wooden table" is cat, wooden table."""
    found: list[list[str]] = [[]]
    for word in re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", cleaned(phrase).lower()):
        if word in _FILLER or (word.endswith("ing") and found[-1] and word not in _ING_NOUNS):
            found.append([])
        else:
            found[-1].append(word)
    # A longer run is not a name but a sentence that the cut did not understand.
    return [" ".join(words) for words in found if 0 < len(words) <= 3]


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, at most 80 characters; empty if the text has none."""
    words = [word[:FILENAME_LIMIT] for word in ascii_words(cleaned(text)) if word not in {"a", "an", "the"}]
    while words and (len("-".join(words)) > FILENAME_LIMIT or (len(words) > 1 and words[-1] in HANGING)):
        words.pop()
    return "-".join(words)


def _distinct(texts: Iterable[str]) -> list[str]:
    """Less those whose words, singular and in any order, were there before."""
    kept: dict[frozenset[str], str] = {}
    for text in texts:
        tag = cleaned(cleaned(text).lower())
        if tag and len(tag) <= TAG_LIMIT:
            kept.setdefault(frozenset(singular(word) for word in re.findall(r"\w+", tag)), tag)
    return list(kept.values())
