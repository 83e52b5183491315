"""File names: the best one, and others that fit as well for when it is taken.

After Google's advice for image SEO: short, descriptive, words joined by hyphens.
"""

from collections.abc import Sequence
from functools import lru_cache

from workers.english.grammar import DANGLING_WORDS, ascii_words, headline, normalize_text, truncate
from workers.imaging.image_facts import ImageFacts
from workers.models.base import Tag

FILENAME_LIMIT = 80
# Leaves room for the words that tell one picture from another.
BASE_LIMIT = 56


def filename_candidates(phrase: str, things: Sequence[Tag], facts: ImageFacts) -> tuple[str, ...]:
    """Valid names, best first, all different. The later ones add what else is sure of this picture, in one "
    "word or two: a
    thing, then colours, light, format; these tell it from the pictures of its session that have the same caption.
    """
    base = slugify(truncate(headline(phrase), BASE_LIMIT)) or slugify(facts.scene_phrase) or "picture"
    seen = [facts.background_phrase, *(f"{color} tones" for color in facts.colors if not facts.monochrome)]
    form = [facts.light, f"{facts.shape_adjective} format"]
    subjects = [*(tag.text for tag in things), *seen]
    names = [base, *(_joined(base, extra) for extra in [*subjects, *form])]
    names += [_joined(_joined(base, extra), other) for extra in subjects for other in form]
    if "-" not in base:
        # One word says too little; a bare "dog" would also be the name of every other dog.
        names = [*(name for name in names if name != base), f"{base}-picture"]
    return tuple(dict.fromkeys(names))


@lru_cache(2048)
def slugify(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, at most 80 characters; empty if the text has none."""
    words = [word[:FILENAME_LIMIT] for word in ascii_words(normalize_text(text)) if word not in {"a", "an", "the"}]
    while words and (len("-".join(words)) > FILENAME_LIMIT or (len(words) > 1 and words[-1] in DANGLING_WORDS)):
        words.pop()
    return "-".join(words)


def _joined(base: str, extra: str) -> str:
    """The extra keeps its place where the limit asks for a cut: it is what tells two files apart."""
    tail = slugify(extra)[: FILENAME_LIMIT // 2].rstrip("-")
    if set(tail.split("-")) <= {"", "in", "on", *base.split("-")}:
        return base
    while len(base) + 1 + len(tail) > FILENAME_LIMIT and "-" in base:
        base = base.rpartition("-")[0]
    return f"{base[: FILENAME_LIMIT - 1 - len(tail)]}-{tail}"
