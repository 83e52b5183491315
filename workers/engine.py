"""The process's one set of models."""

from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import numpy as np

from workers.batcher import Batcher
from workers.models.base import Caption, Captioner, Hint, Pixels, Tag, Tagger


class EngineTimeout(Exception):
    """The models did not answer in the time the caller allowed."""


class EngineNotLoaded(RuntimeError):
    """`describe` before `load`, or after `close`."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One picture as it waits for its batch, with its account's own `terms`."""

    pixels: Pixels
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the models said of one picture, best first."""

    captions: list[Caption]
    tags: list[Tag]


class Engine:
    def __init__(self, captioner: Captioner, tagger: Tagger, *, batch_size: int) -> None:
        self._captioner = captioner
        self._tagger = tagger
        self._batch_size = batch_size
        self._batcher: Batcher[Asked, Sighting] | None = None

    def load(self) -> None:
        """Takes seconds, once; returns when a first prediction has warmed the models up. Raises ModelUnavailable."""
        if self._batcher is not None:
            return
        self._captioner.load()
        self._tagger.load()
        # The first prediction of a process is several times slower than the next; no caller should wait for it.
        self._look([Asked(np.full((64, 64, 3), 255, dtype=np.uint8))])
        self._batcher = Batcher(self._look, batch_size=self._batch_size, name="models")

    def describe(self, pixels: Pixels, timeout_s: float, terms: tuple[str, ...] = ()) -> Sighting:
        """Blocks. Raises EngineTimeout, EngineNotLoaded, BatcherClosed, or what the models raised for this picture."""
        future = self.batcher.submit(Asked(pixels, terms))
        try:
            return future.result(timeout_s)
        except FutureTimeout as error:
            # A model that raised a TimeoutError of its own has answered.
            if future.done() and not future.cancelled():
                return future.result()
            future.cancel()
            raise EngineTimeout(f"no answer from the models in {timeout_s:g} s") from error

    def close(self, timeout: float | None = None) -> None:
        """Answers what waits, then unloads. Models that are still busy after `timeout` seconds are left alone."""
        if self._batcher is not None and self._batcher.close(timeout):
            self._captioner.unload()
            self._tagger.unload()

    @property
    def batcher(self) -> Batcher[Asked, Sighting]:
        if self._batcher is None:
            raise EngineNotLoaded("Engine.load() comes first")
        return self._batcher

    @property
    def must_speak(self) -> bool:
        return self._captioner.must_speak

    @property
    def provenance(self) -> dict[str, dict[str, str]]:
        """`{"captioner": {"name", "revision"}, "tagger": {"name", "revision"}}`; complete once loaded."""
        return {
            "captioner": {"name": self._captioner.name, "revision": self._captioner.revision},
            "tagger": {"name": self._tagger.name, "revision": self._tagger.revision},
        }

    def _look(self, batch: Sequence[Asked]) -> list[Sighting]:
        pictures = [asked.pixels for asked in batch]
        captions = self._captioner.predict(pictures)
        said = [found[0].text if found else "" for found in captions]
        tags = self._tagger.tag(pictures, [Hint(asked.terms, text) for asked, text in zip(batch, said, strict=True)])
        return [Sighting(*pair) for pair in zip(captions, tags, strict=True)]
