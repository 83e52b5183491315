"""The tags, `seoTags`, after Google's SEO starter guide."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from workers.english.grammar import DANGLING_WORDS, PREPOSITIONS, normalize_text, singularize
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag

TAG_LIMIT = 40
MIN_TAGS = 3
MAX_TAGS = 15
FEW_TAGS = 5

_STOP_WORDS = DANGLING_WORDS | PREPOSITIONS | frozenset((
    "there", "he", "she", "they", "them", "him", "we", "you", "i", "one", "two", "three", "four", "five", "six",
    "several", "many", "few", "another", "other", "each", "who", "what", "top", "front", "back", "side", "middle",
    "bunch", "group", "pair", "lot", "piece", "picture", "image", "photo", "scene", "has", "have", "had", "seven",
    "eight", "nine", "ten", "down", "up", "out", "together", "herd", "flock", "pile", "row", "view", "close-up",
    "something",
    "someone",
    # No search terms.
    "doing", "sitting", "sits", "standing", "stands", "holding", "holds", "parked", "wearing", "wears", "looking",
    "looks",
    "taking", "being", "having", "laying", "lying", "filled", "covered", "topped", "made", "posing", "getting", "going",
    "using", "placed", "shown", "seen", "hanging", "attached", "full", "set"
))  # fmt: skip
_COLOR = "black|white|grey|gray|brown|red|green|blue|yellow|orange|pink|purple|tan|beige|gold|silver"
_COLORS_JOINED = re.compile(rf"\b(?:{_COLOR})(?:, (?:{_COLOR}),?)? and (?:{_COLOR}) (?=[a-z])")
# Nouns that end in a stop word.
_COMPOUNDS = frozenset(("crop top", "halter top", "mountain top", "stove top", "swing set", "tank top", "tea set"))
_NOUNS_IN_ING = frozenset(("building", "ceiling", "clothing", "ring", "sling", "string", "swing", "wing"))


def compose_tags(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> tuple[str, ...]:
    """Return MIN_TAGS to MAX_TAGS distinct tags, best first: the phrase's nouns, tags, hypernyms, image facts.

    Filler tags are added up to FEW_TAGS only.
    """
    subject, *rest = noun_chunks(phrase) or [""]
    with_hypernyms = [text for tag in tags for text in (tag.text, tag.parent)]
    mentioned = [text for text in with_hypernyms if f" {text} " in f" {phrase} "]
    # "Tabby cat" before "cat".
    mentioned.sort(key=lambda text: (f" {phrase} ".find(f" {text} "), -len(text)))
    first = [*mentioned, subject] if mentioned and subject in mentioned[0] else [subject, *mentioned]
    kept = distinct_tags([*first, *with_hypernyms, *rest])[: MAX_TAGS - 4]
    found = distinct_tags([*kept, *facts.tags])[:MAX_TAGS]
    found += distinct_tags([*found, *facts.filler_tags])[len(found) : max(len(found), FEW_TAGS)]
    if len(found) < MIN_TAGS:
        found = distinct_tags([*found, "picture", "image", "digital image"])[:MIN_TAGS]
    return tuple(found)


def noun_chunks(phrase: str) -> list[str]:
    """Split the phrase at function words and participles."""
    chunks: list[list[str]] = [[]]
    # "A brown and white dog" is one chunk, "dog".
    text = _COLORS_JOINED.sub("", normalize_text(phrase).lower())
    for word in re.findall(r"[^\W_]+(?:['\u2019-][^\W_]+)*", text):
        is_compound = bool(chunks[-1]) and f"{chunks[-1][-1]} {word}" in _COMPOUNDS
        if (word in _STOP_WORDS and not is_compound) or (
            word.endswith("ing") and chunks[-1] and word not in _NOUNS_IN_ING
        ):
            chunks.append([])
        else:
            chunks[-1].append(word)
    # Longer chunks are clauses that were not split.
    return [" ".join(words) for words in chunks if 0 < len(words) <= 3]


def distinct_tags(texts: Iterable[str]) -> list[str]:
    """Remove texts that differ in number or word order only."""
    kept: dict[frozenset[str], str] = {}
    for text in texts:
        tag, key = _tag_and_key(text)
        if tag:
            kept.setdefault(key, tag)
    return list(kept.values())


@lru_cache(4096)
def _tag_and_key(text: str) -> tuple[str, frozenset[str]]:
    """Return the tag, "" if invalid, and its key for `distinct_tags`."""
    # The lexicon separates words by blanks.
    tag = normalize_text(normalize_text(text).lower()).replace("t shirt", "t-shirt")
    key = frozenset(singularize(word) for word in re.findall(r"\w+", tag))
    return tag if len(tag) <= TAG_LIMIT and key else "", key
