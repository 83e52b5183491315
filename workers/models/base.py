"""What a captioner and a tagger are to the engine."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class ModelUnavailable(Exception):
    """The model's weights or packages are not on this machine; the message says which command mends it."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A phrase or a sentence in lower case, without full stop; `confidence` 0..1. `similarity`, where CLIP has judged
    it: the cosine, -1..1, of its vectors of the picture and of the text.
    """

    text: str
    confidence: float
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """`confidence` 0..1; `kind` a broad class such as "animal"; `parent` the wider word ("dog" for "beagle");
    `number` "count", "mass" or "plural": which article, if any, `text` takes.
    """

    text: str
    confidence: float
    kind: str = ""
    parent: str = ""
    number: str = "count"


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a picture beside its pixels: the `terms` its account adds to the vocabulary, and what the
    captioner `said` of it.
    """

    terms: tuple[str, ...] = ()
    said: str = ""


def threads_of(options: Mapping[str, object]) -> int | None:
    """The option `threads`; None where it is absent. Raises ValueError."""
    threads = options.get("threads")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; it must be an integer, 1 or more")
    return threads


class Model(ABC):
    """`load` may take seconds and raises ModelUnavailable; `unload` gives the memory back; both may be said twice.

    `revision` is known once loaded; `options` are what else the words depend on, plain data. `load`, `predict` and
    `unload` are called from one thread at a time.
    """

    name: str
    revision: str
    options: Mapping[str, object] = MappingProxyType({})

    @abstractmethod
    def load(self) -> None: ...

    @abstractmethod
    def unload(self) -> None: ...


class Captioner(Model):
    """`must_speak`: a picture without a candidate has failed. Otherwise its words tell of tags and colours alone."""

    must_speak: bool = False

    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        """Candidates for each picture, best first; none where the model has nothing to say.

        Pictures are (h, w, 3) RGB of any size. Deterministic: the same picture gets the same answer whatever the
        batch it sat in.
        """


class Tagger(Model):
    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        """Tags for each picture, best first, perhaps none. Deterministic, as Captioner.predict is."""

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        """As `predict`, with a hint for each picture, which models with fixed words ignore."""
        return self.predict(batch)
