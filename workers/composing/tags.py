"""Search words: seoTags."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from workers.english.grammar import DANGLING_WORDS, PREPOSITIONS, normalize_text, singularize
from workers.models.base import Tag

TAG_LIMIT = 40
MIN_TAGS = 3
MAX_TAGS = 15
FEW_TAGS = 5
LIKELY = 0.45

_FILLER = DANGLING_WORDS | PREPOSITIONS | frozenset((
    "there", "he", "she", "they", "them", "him", "we", "you", "i", "one", "two", "three", "four", "five", "six",
    "several", "many", "few", "another", "other", "each", "who", "what", "top", "front", "back", "side", "middle",
    "bunch", "group", "pair", "lot", "piece", "picture", "image", "photo", "scene", "has", "have", "had", "seven",
    "eight", "nine", "ten", "down", "up", "out", "together", "herd", "flock", "pile", "row", "view", "close-up",
    "something",
    "someone",
    # What nobody searches for, though the caption says it.
    "doing", "sitting", "sits", "standing", "stands", "holding", "holds", "parked", "wearing", "wears", "looking",
    "looks",
    "taking", "being", "having", "laying", "lying", "filled", "covered", "topped", "made", "posing", "getting", "going",
    "using", "placed", "shown", "seen", "hanging", "attached", "full", "set"
))  # fmt: skip
_COLOUR = "black|white|grey|gray|brown|red|green|blue|yellow|orange|pink|purple|tan|beige|gold|silver"
_TWO_COLOURS = re.compile(rf"\b(?:{_COLOUR})(?:, (?:{_COLOUR}),?)? and (?:{_COLOUR}) (?=[a-z])")
# Nouns that look like participles.
_ING_NOUNS = frozenset(("building", "ceiling", "clothing", "ring", "sling", "string", "swing", "wing"))


def compose_tags(
    phrase: str, tags: Sequence[Tag], background_phrase: Sequence[str], filler: Sequence[str] = ()
) -> list[str]:
    """3 to 15, best first, lower case, no near-duplicates: what the phrase names, its subject first; the sure and the
    likely tags with their wider word; the rest of the phrase; then what is true of the picture anyway. Filler only up
    to FEW_TAGS. Google's SEO starter guide: words that say what is there, none said twice.
    """
    likely = [tag for tag in tags if tag.confidence >= LIKELY]
    subject, *rest = noun_chunks(phrase) or [""]
    named = [text for tag in likely for text in (tag.text, tag.parent) if f" {text} " in f" {phrase} "]
    # "Tabby cat" goes before "cat", and "cup of espresso" before "cup", only if the phrase dares to say it.
    named.sort(key=lambda text: (f" {phrase} ".find(f" {text} "), -len(text)))
    first = [*named, subject] if named and subject in named[0] else [subject, *named]
    wider = [text for tag in likely for text in (tag.text, tag.parent)]
    kept = _distinct([*first, *wider, *rest])[: MAX_TAGS - 4]
    found = _distinct([*kept, *background_phrase])[:MAX_TAGS]
    found += _distinct([*found, *filler])[len(found) : max(len(found), FEW_TAGS)]
    return found if len(found) >= MIN_TAGS else _distinct([*found, "picture", "image", "digital image"])[:MIN_TAGS]


def noun_chunks(phrase: str) -> list[str]:
    """The phrase cut at its function words and participles: "a cat sitting on a wooden table" is cat, wooden table."""
    found: list[list[str]] = [[]]
    # Of "a brown and white dog" neither "brown" nor "white dog" is a thing.
    scene_phrase = _TWO_COLOURS.sub("", normalize_text(phrase).lower())
    for word in re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", scene_phrase):
        if word in _FILLER or (word.endswith("ing") and found[-1] and word not in _ING_NOUNS):
            found.append([])
        else:
            found[-1].append(word)
    # A longer run is not a name but a sentence that the cut did not understand.
    return [" ".join(words) for words in found if 0 < len(words) <= 3]


def _distinct(texts: Iterable[str]) -> list[str]:
    """Less those whose words, singular and in any order, were there before."""
    kept: dict[frozenset[str], str] = {}
    for text in texts:
        tag, words = _plain(text)
        if tag:
            kept.setdefault(words, tag)
    return list(kept.values())


@lru_cache(4096)
def _plain(text: str) -> tuple[str, frozenset[str]]:
    """The tag, empty where it cannot be one, and what it shares with its plural."""
    tag = normalize_text(normalize_text(text).lower())
    words = frozenset(singularize(word) for word in re.findall(r"\w+", tag))
    return tag if len(tag) <= TAG_LIMIT and words else "", words
