"""The interface of models that write the fields themselves, one image at a time and many at once."""

from abc import abstractmethod
from dataclasses import dataclass

from workers.models.base import Model, Pixels
from workers.models.options import Options


class WriterUnavailable(Exception):
    """The model cannot be reached: the image waits. `interrupted`: it had begun on this image."""

    def __init__(self, problem: str, *, interrupted: bool = False) -> None:
        super().__init__(problem)
        self.interrupted = interrupted


class WriterFailed(Exception):
    """The model refuses or fails on this image, also when repeated."""


class WriterTimeout(Exception):
    """No answer for this image by its deadline, from a model that responds otherwise."""


class NoUsableAnswer(Exception):
    """The model refused to describe the image, or its answer and the repaired one cannot be used."""


@dataclass(frozen=True, slots=True)
class Written:
    """The fields as a model wrote them, in one language, parsed but not checked against evidence.

    `kind`: one of workers.models.evidence.KINDS, "" where the model names none; `text`: read in the image;
    `confidence`: self-rated, 0..1, not calibrated; `people`: their number; `subject`: an English noun for the main
    thing; `doubts`: reasons for a review; `decorative`: there is no content, and `alt` is empty.
    """

    title: str
    alt: str
    caption: str
    description: str
    filename: str
    tags: tuple[str, ...]
    kind: str = "photo"
    text: str = ""
    confidence: float = 0.5
    people: int = 0
    subject: str = ""
    doubts: tuple[str, ...] = ()
    decorative: bool = False


class Writer(Model):
    """A model that writes the fields of one image in one call. Thread-safe, unlike the other models."""

    @property
    @abstractmethod
    def problem(self) -> str:
        """Why images wait for the model, in one sentence; "" while it responds."""

    @abstractmethod
    def probe(self) -> None:
        """Look for a model that did not respond, and clear `problem` once it does."""

    @abstractmethod
    def write(self, pixels: Pixels, options: Options) -> Written:
        """Write the fields of an image, (h, w, 3) RGB of any size.

        Raises WriterUnavailable, WriterFailed, WriterTimeout and NoUsableAnswer.
        """
