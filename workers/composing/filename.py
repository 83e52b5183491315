"""File names: slugs of the caption, after Google's advice for image SEO."""

from collections.abc import Sequence
from functools import lru_cache

from workers.english.grammar import DANGLING_WORDS, ascii_words, headline, normalize_text, truncate
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag

FILENAME_LIMIT = 80
# The difference is for words that distinguish two images.
BASE_LIMIT = 56


def filename_candidates(phrase: str, tags: Sequence[Tag], facts: ImageFacts) -> tuple[str, ...]:
    """Return distinct valid names, best first; later ones append facts, for images with the same caption."""
    base = slugify(truncate(headline(phrase), BASE_LIMIT)) or slugify(facts.scene_phrase) or "picture"
    colors = [] if facts.monochrome else [f"{color} tones" for color in facts.colors]
    content = [*(tag.text for tag in tags), facts.background_phrase, *colors]
    form = [facts.light, f"{facts.shape_adjective} format"]
    names = [base, *(append_words(base, suffix) for suffix in [*content, *form])]
    names += [append_words(append_words(base, suffix), other) for suffix in content for other in form]
    if "-" not in base:
        # "dog" would fit every dog.
        names = [*(name for name in names if name != base), f"{base}-picture"]
    return tuple(dict.fromkeys(names))


@lru_cache(2048)
def slugify(text: str) -> str:
    """Join ASCII words by hyphens, up to FILENAME_LIMIT characters."""
    words = [word[:FILENAME_LIMIT] for word in ascii_words(normalize_text(text)) if word not in {"a", "an", "the"}]
    while words and (len("-".join(words)) > FILENAME_LIMIT or (len(words) > 1 and words[-1] in DANGLING_WORDS)):
        words.pop()
    return "-".join(words)


def append_words(base: str, text: str) -> str:
    """Append a suffix with new words; the base is truncated to the limit."""
    suffix = slugify(text)[: FILENAME_LIMIT // 2].rstrip("-")
    if set(suffix.split("-")) <= {"", "in", "on", *base.split("-")}:
        return base
    while len(base) + 1 + len(suffix) > FILENAME_LIMIT and "-" in base:
        base = base.rpartition("-")[0]
    return f"{base[: FILENAME_LIMIT - 1 - len(suffix)]}-{suffix}"
