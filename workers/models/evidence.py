"""What models find in an image before any word is written: plain values, each with a probability."""

from collections.abc import Sequence
from dataclasses import dataclass

# The kinds of docs/api-contract.md, in the order of the probabilities of every kind head.
KINDS = (
    "photo", "painting", "drawing", "illustration", "comic", "render", "screenshot",
    "chart", "diagram", "map", "document", "poster", "logo", "pattern",
)  # fmt: skip
# The last number stands for three or more.
PEOPLE = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class NounEvidence:
    """A noun in the singular: the probabilities that it is a name of the main subject, and that it is in the image;
    its `wider` nouns.
    """

    noun: str
    main: float
    present: float
    wider: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """`kinds`: a probability for each of KINDS; `people`: for each of PEOPLE; `nouns`, best first; `text`: the
    probability that there is text to read. Empty tuples where a model has no such head.
    """

    kinds: tuple[float, ...] = ()
    people: tuple[float, ...] = ()
    nouns: tuple[NounEvidence, ...] = ()
    text: float = 0.0

    @property
    def kind(self) -> tuple[str, float]:
        """Return the most probable kind and its probability; without a kind head, "photo" and 0."""
        if not self.kinds:
            return "photo", 0.0
        best = max(range(len(KINDS)), key=lambda index: self.kinds[index])
        return KINDS[best], self.kinds[best]

    def find(self, noun: str) -> NounEvidence | None:
        return next((found for found in self.nouns if found.noun == noun), None)


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text that was read: `confidence` 0..1; its box in shares of the image's width and height, 0..1."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


def merge_views(whole: Evidence, parts: Sequence[Evidence]) -> Evidence:
    """Merge the evidence of a long image with that of its parts, which show what the whole, squeezed, hides.

    Kinds are averaged; of people the view with the most counts; of a noun the highest probability in any view.
    """
    views = [whole, *parts]
    if len(views) == 1 or not all(view.kinds for view in views):
        return whole
    nouns: dict[str, NounEvidence] = {}
    for noun in (noun for view in views for noun in view.nouns):
        best = nouns.get(noun.noun, noun)
        nouns[noun.noun] = NounEvidence(
            noun.noun, max(best.main, noun.main), max(best.present, noun.present), noun.wider
        )
    return Evidence(
        kinds=tuple(sum(shares) / len(views) for shares in zip(*(view.kinds for view in views), strict=True)),
        people=min((view.people for view in views), key=lambda people: people[0]),
        nouns=tuple(sorted(nouns.values(), key=lambda noun: -noun.main)),
        text=max(view.text for view in views),
    )
