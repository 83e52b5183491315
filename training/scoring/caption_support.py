"""Whether a caption is right, as far as a machine can tell: people's captions of the picture have its content words."""

import re
from collections.abc import Sequence

from training.datasets.tokenized import STOP, clean
from workers.english.grammar import singularize

# From this share of supported words on, a caption counts as right, or right in the main.
RIGHT = 0.5
_PEOPLE = frozenset((
    "man", "woman", "person", "people", "guy", "lady", "girl", "boy", "child", "kid", "toddler", "player", "someone",
    "men", "women", "male", "female",
))  # fmt: skip
_SAME = tuple(
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


def supported(caption: str, references: Sequence[str]) -> float:
    """0..1: the share of the caption's content words that a reference has, in another form or as a near synonym too."""
    told = [_stem(word) for word in clean(caption).split() if word not in STOP]
    if not told:
        return 0.0
    true = {_stem(word) for reference in references for word in clean(reference).split()}
    true |= {word for group in _SAME if true & group for word in group}
    if true & _PEOPLE:
        true |= {"person", "people"}
    if true & {"boy", "girl", "kid", "toddler"}:
        true.add("child")
    if true & {"guy", "male", "player"}:
        true.add("man")
    return sum(word in true for word in told) / len(told)


def _stem(word: str) -> str:
    base = singularize(word)
    for ending in ("ing", "ed"):
        stem = base.removesuffix(ending)
        if stem != base and len(stem) > 2:
            return re.sub(r"([bdgklmnprt])\1$", r"\1", stem).removesuffix("e")
    return base.removesuffix("e") if len(base) > 4 else base
