"""The interfaces that the engine runs: Captioner and Tagger."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from workers.models.evidence import Evidence

Pixels = NDArray[np.uint8]
_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


class ModelUnavailable(Exception):
    """Weights or packages are missing; the message names the command that installs them."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption in lower case, without full stop. `confidence` 0..1; `similarity`: CLIP's cosine, -1..1."""

    text: str
    confidence: float
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A keyword with `confidence` 0..1; `kind`: a broad class ("animal"); `parent`: the wider term of "beagle",
    "dog"; `number`: count, mass or plural, which decides the article.
    """

    text: str
    confidence: float
    kind: str = ""
    parent: str = ""
    number: str = "count"


@dataclass(frozen=True, slots=True)
class Hint:
    """The tagger's input beside the pixels: the account's own terms and the best caption."""

    terms: tuple[str, ...] = ()
    caption: str = ""


def threads_option(options: Mapping[str, object]) -> int | None:
    """Return the option `threads` or None. Raises ValueError."""
    threads = options.get("threads")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; it must be an integer, 1 or more")
    return threads


class Model(ABC):
    """A model for one thread at a time. `load`, which may raise ModelUnavailable, and `unload` are idempotent."""

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def revision(self) -> str:
        """The version of weights and configuration, available after `load`."""

    @property
    def options(self) -> Mapping[str, object]:
        """What else the output depends on, as plain data."""
        return _NO_OPTIONS

    @property
    def device(self) -> str:
        """Where it runs, for operators; available after `load`."""
        return "CPU"

    @abstractmethod
    def load(self) -> None: ...

    @abstractmethod
    def unload(self) -> None: ...


class Captioner(Model):
    @property
    def requires_caption(self) -> bool:
        """Whether an image without a caption fails; else its metadata is composed from tags and colors."""
        return False

    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        """Return each image's candidates, best first. Images are (h, w, 3) RGB of any size.

        Deterministic: independent of the rest of the batch.
        """


class Tagger(Model):
    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        """Return each image's tags, best first. Deterministic, as Captioner.predict."""

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        """As `predict`, with hints, which models with a fixed vocabulary ignore."""
        return self.predict(batch)

    def evidence(self, batch: Sequence[Pixels]) -> list[Evidence]:
        """Return what is in each image; deterministic, as Captioner.predict. Without heads for it: empty evidence."""
        return [Evidence()] * len(batch)
