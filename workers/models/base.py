"""The interfaces that the engine runs: Captioner and Tagger."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


class ModelUnavailable(Exception):
    """The model's weights or packages are not installed; the message names the command that installs them."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A phrase or sentence in lower case, without full stop.

    `confidence` is 0..1; `similarity`, where CLIP scored the caption, the cosine similarity of image and text, -1..1.
    """

    text: str
    confidence: float
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A keyword with `confidence` 0..1; `kind` is a broad class such as "animal", `parent` the wider term ("dog" for
    "beagle"), `number` one of "count", "mass" and "plural", which decides the article.
    """

    text: str
    confidence: float
    kind: str = ""
    parent: str = ""
    number: str = "count"


@dataclass(frozen=True, slots=True)
class Hint:
    """Input for the tagger beside the pixels: the account's own `terms` and the image's best `caption`."""

    terms: tuple[str, ...] = ()
    caption: str = ""


def threads_option(options: Mapping[str, object]) -> int | None:
    """Return the option `threads`, None where it is absent. Raises ValueError."""
    threads = options.get("threads")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads is {threads!r}; it must be an integer, 1 or more")
    return threads


class Model(ABC):
    """A model with its lifecycle. `load`, `predict` and `unload` are called from one thread at a time.

    `load` may take seconds and raises ModelUnavailable; `unload` frees the memory. Both are idempotent.
    """

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    @abstractmethod
    def revision(self) -> str:
        """The version of weights and configuration, available after `load`."""

    @property
    def options(self) -> Mapping[str, object]:
        """Whatever else the output depends on, as plain data."""
        return _NO_OPTIONS

    @abstractmethod
    def load(self) -> None: ...

    @abstractmethod
    def unload(self) -> None: ...


class Captioner(Model):
    @property
    def requires_caption(self) -> bool:
        """Whether an image without a caption has failed; else its metadata is composed from tags and colors alone."""
        return False

    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Caption]]:
        """Return the candidates of each image, best first, perhaps none.

        Images are (h, w, 3) RGB of any size. Deterministic: an image's result does not depend on its batch.
        """


class Tagger(Model):
    @abstractmethod
    def predict(self, batch: Sequence[Pixels]) -> list[list[Tag]]:
        """Return the tags of each image, best first, perhaps none. Deterministic, as Captioner.predict is."""

    def tag(self, batch: Sequence[Pixels], hints: Sequence[Hint]) -> list[list[Tag]]:
        """Return the tags of each image given its hint; models with a fixed vocabulary ignore the hints."""
        return self.predict(batch)
