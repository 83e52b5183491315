"""What models find in an image before any word is written: plain values, each with a probability."""

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
    """A noun in the singular: the probabilities that it is a name of the main subject, and that it is in the image."""

    noun: str
    main: float
    present: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """`kinds`: a probability for each of KINDS; `people`: for each of PEOPLE; `nouns`, best first; `text`: the
    probability that there is text to read. Empty tuples where a model has no such head.
    """

    kinds: tuple[float, ...] = ()
    people: tuple[float, ...] = ()
    nouns: tuple[NounEvidence, ...] = ()
    text: float = 0.0


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
