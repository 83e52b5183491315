"""Caption support: the share of a caption's content words that human captions of the image have."""

import re
from collections.abc import Sequence

from training.datasets.tokenized import STOP_WORDS, normalize_caption
from workers.english.grammar import singularize

# From this support on, a caption counts as correct.
MIN_SUPPORT = 0.5
_PEOPLE = frozenset((
    "man", "woman", "person", "people", "guy", "lady", "girl", "boy", "child", "kid", "toddler", "player", "someone",
    "men", "women", "male", "female",
))  # fmt: skip
_SYNONYMS = tuple(
    map(
        frozenset,
        (
            ("bike", "bicycle", "bicyclist", "biker", "cyclist"),
            ("ocean", "sea", "water", "wave", "beach"),
            ("grass", "grassy", "field", "lawn"),
            ("couch", "sofa"),
            ("street", "road", "city"),
            ("snow", "snowy"),
            ("dog", "puppy"),
            ("cat", "kitten"),
            ("photo", "product", "image", "picture", "close"),
            ("run", "running", "race", "chase"),
            ("jump", "leap", "air"),
            ("rock", "rocky", "cliff", "mountain"),
            ("grocery", "store", "supermarket", "market"),
            ("fresh", "display", "pile"),
        ),
    )
)


def caption_support(caption: str, references: Sequence[str]) -> float:
    """Return the share, 0..1, of content words that a reference has, as another form or near synonym too."""
    stems = [_stem(word) for word in normalize_caption(caption).split() if word not in STOP_WORDS]
    if not stems:
        return 0.0
    supported = {_stem(word) for reference in references for word in normalize_caption(reference).split()}
    supported |= {word for group in _SYNONYMS if supported & group for word in group}
    if supported & _PEOPLE:
        supported |= {"person", "people"}
    if supported & {"boy", "girl", "kid", "toddler"}:
        supported.add("child")
    if supported & {"guy", "male", "player"}:
        supported.add("man")
    return sum(stem in supported for stem in stems) / len(stems)


def _stem(word: str) -> str:
    base = singularize(word)
    for ending in ("ing", "ed"):
        stem = base.removesuffix(ending)
        if stem != base and len(stem) > 2:
            return re.sub(r"([bdgklmnprt])\1$", r"\1", stem).removesuffix("e")
    return base.removesuffix("e") if len(base) > 4 else base
