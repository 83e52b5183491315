"""The process's one set of models."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

import numpy as np

from workers.models.base import Caption, Captioner, Hint, Model, Pixels, Tag, Tagger
from workers.runtime.batcher import Batcher


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
    """What the models said of one picture, best first, and the milliseconds that its batch took in each."""

    captions: list[Caption]
    tags: list[Tag]
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Engine:
    def __init__(
        self,
        captioner: Captioner,
        tagger: Tagger,
        *,
        batch_size: int,
        on_batch: Callable[[int], object] = lambda _size: None,
    ) -> None:
        """`on_batch` is told the size of each batch that the models get."""
        self._captioner = captioner
        self._tagger = tagger
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._batcher: Batcher[Asked, Sighting] | None = None
        # Held while the models load, work or unload: threads that come meanwhile wait for this one set of them.
        self._models = threading.Lock()
        self._loaded = False
        self._used_at = 0.0
        self._provenance: dict[str, dict[str, object]] = {}

    def load(self) -> None:
        """Takes seconds, once; returns when a first prediction has warmed the models up. Raises ModelUnavailable."""
        with self._models:
            if self._batcher is None:
                self._load()
                self._batcher = Batcher(self._look, batch_size=self._batch_size, name="models")

    def describe(self, pixels: Pixels, timeout_s: float, terms: tuple[str, ...] = ()) -> Sighting:
        """Blocks. Raises EngineTimeout where the models have ended no batch for `timeout_s`, EngineNotLoaded,
        BatcherClosed, or what the models raised for this picture.
        """
        batcher = self.batcher
        future = batcher.submit(Asked(pixels, terms))
        while True:
            ended = batcher.ended
            try:
                return future.result(timeout_s)
            except FutureTimeout as error:
                # A model that raised a TimeoutError of its own has answered.
                if future.done() and not future.cancelled():
                    return future.result()
                # On a slow machine the pictures before this one may take longer than any one of them may.
                if batcher.ended == ended:
                    future.cancel()
                    raise EngineTimeout(f"no answer from the models in {timeout_s:g} s") from error

    def close(self, timeout: float | None = None) -> None:
        """Answers what waits, then unloads. Models that are still busy after `timeout` seconds are left alone."""
        if self._batcher is not None and self._batcher.close(timeout):
            with self._models:
                self._unload()

    def unload_if_idle(self, seconds: float) -> bool:
        """Gives back the memory of models that had no picture for so long; the next picture loads them again."""
        if not self._models.acquire(blocking=False):
            return False  # They are at work.
        try:
            idle = self._loaded and time.monotonic() - self._used_at >= seconds
            if idle:
                self._unload()
            return idle
        finally:
            self._models.release()

    @property
    def loaded(self) -> bool:
        return self._loaded

    @property
    def batcher(self) -> Batcher[Asked, Sighting]:
        if self._batcher is None:
            raise EngineNotLoaded("Engine.load() comes first")
        return self._batcher

    @property
    def must_speak(self) -> bool:
        return self._captioner.must_speak

    @property
    def provenance(self) -> dict[str, dict[str, object]]:
        """`{"captioner": {"name", "revision", "options"}, "tagger": {…}}` as last loaded; empty before that."""
        return self._provenance

    def _load(self) -> None:
        if self._loaded:
            return
        self._captioner.load()
        self._tagger.load()
        # The first prediction of a process is several times slower than the next; no caller should wait for it.
        self._predict([Asked(np.full((64, 64, 3), 255, dtype=np.uint8))])
        named: dict[str, Model] = {"captioner": self._captioner, "tagger": self._tagger}
        # Kept: a picture's words may be told after the models were unloaded again.
        self._provenance = {
            role: {"name": model.name, "revision": model.revision, "options": dict(model.options)}
            for role, model in named.items()
        }
        self._loaded, self._used_at = True, time.monotonic()

    def _unload(self) -> None:
        self._loaded = False
        self._captioner.unload()
        self._tagger.unload()

    def _look(self, batch: Sequence[Asked]) -> list[Sighting]:
        with self._models:
            self._load()
            self._on_batch(len(batch))
            try:
                return self._predict(batch)
            finally:
                self._used_at = time.monotonic()

    def _predict(self, batch: Sequence[Asked]) -> list[Sighting]:
        pictures = [asked.pixels for asked in batch]
        begun = time.perf_counter()
        captions = self._captioner.predict(pictures)
        captioned = time.perf_counter()
        said = [found[0].text if found else "" for found in captions]
        tags = self._tagger.tag(pictures, [Hint(asked.terms, text) for asked, text in zip(batch, said, strict=True)])
        spent = {"caption": (captioned - begun) * 1000, "tag": (time.perf_counter() - captioned) * 1000}
        return [Sighting(*pair, spent) for pair in zip(captions, tags, strict=True)]
