"""The inference engine: a process's one captioner and tagger behind a micro-batching queue."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

import numpy as np

from workers.models.base import Caption, Captioner, Hint, Model, Pixels, Tag, Tagger
from workers.runtime.batcher import Batcher


class EngineTimeout(Exception):
    """The models did not return within the caller's timeout."""


class EngineNotLoaded(RuntimeError):
    """`describe` before `load`, or after `close`."""


@dataclass(frozen=True, slots=True, eq=False)
class PendingImage:
    """An image in the queue, with its account's own `terms`."""

    pixels: Pixels
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """The captions and tags of one image, best first, and the milliseconds that its batch took in each model."""

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
        """`on_batch` is called with the size of each batch."""
        self._captioner = captioner
        self._tagger = tagger
        self._batch_size = batch_size
        self._on_batch = on_batch
        self._batcher: Batcher[PendingImage, Prediction] | None = None
        # Held while the models load, run or unload: other threads wait and share this one set of models.
        self._model_lock = threading.Lock()
        self._loaded = False
        self._last_used = 0.0
        self._provenance: dict[str, dict[str, object]] = {}

    def load(self) -> None:
        """Load the models once and warm them up with a first prediction. Takes seconds. Raises ModelUnavailable."""
        with self._model_lock:
            if self._batcher is None:
                self._load()
                self._batcher = Batcher(self._run_batch, batch_size=self._batch_size, name="models")

    def describe(self, pixels: Pixels, timeout_s: float, terms: tuple[str, ...] = ()) -> Prediction:
        """Run the models on one image and block until its batch is done.

        Raises EngineTimeout where the models finish no batch for `timeout_s`, EngineNotLoaded, BatcherClosed, or what
        the models raise for this image.
        """
        batcher = self.batcher
        future = batcher.submit(PendingImage(pixels, terms))
        while True:
            finished = batcher.finished
            try:
                return future.result(timeout_s)
            except FutureTimeout as error:
                # The result may be a TimeoutError that the model itself raised.
                if future.done() and not future.cancelled():
                    return future.result()
                # On a slow machine the batches before this image may together take longer than the timeout.
                if batcher.finished == finished:
                    future.cancel()
                    raise EngineTimeout(f"no result from the models in {timeout_s:g} s") from error

    def close(self, timeout: float | None = None) -> None:
        """Finish the pending images, then unload. Models still busy after `timeout` seconds are left loaded."""
        if self._batcher is not None and self._batcher.close(timeout):
            with self._model_lock:
                self._unload()

    def unload_if_idle(self, seconds: float) -> bool:
        """Free the memory of models unused for that long; the next image loads them again."""
        if not self._model_lock.acquire(blocking=False):
            return False  # The models are running.
        try:
            idle = self._loaded and time.monotonic() - self._last_used >= seconds
            if idle:
                self._unload()
            return idle
        finally:
            self._model_lock.release()

    @property
    def loaded(self) -> bool:
        return self._loaded

    @property
    def batcher(self) -> Batcher[PendingImage, Prediction]:
        if self._batcher is None:
            raise EngineNotLoaded("Engine.load() comes first")
        return self._batcher

    @property
    def requires_caption(self) -> bool:
        return self._captioner.requires_caption

    @property
    def provenance(self) -> dict[str, dict[str, object]]:
        """`{"captioner": {"name", "revision", "options"}, "tagger": {…}}` as last loaded; empty before that."""
        return self._provenance

    def _load(self) -> None:
        if self._loaded:
            return
        self._captioner.load()
        self._tagger.load()
        # A process's first prediction is several times slower than the next; no caller should wait for it.
        self._predict([PendingImage(np.full((64, 64, 3), 255, dtype=np.uint8))])
        models: dict[str, Model] = {"captioner": self._captioner, "tagger": self._tagger}
        # Stored: a result may be recorded after the models were unloaded again.
        self._provenance = {
            role: {"name": model.name, "revision": model.revision, "options": dict(model.options)}
            for role, model in models.items()
        }
        self._loaded, self._last_used = True, time.monotonic()

    def _unload(self) -> None:
        self._loaded = False
        self._captioner.unload()
        self._tagger.unload()

    def _run_batch(self, batch: Sequence[PendingImage]) -> list[Prediction]:
        with self._model_lock:
            self._load()
            self._on_batch(len(batch))
            try:
                return self._predict(batch)
            finally:
                self._last_used = time.monotonic()

    def _predict(self, batch: Sequence[PendingImage]) -> list[Prediction]:
        images = [pending.pixels for pending in batch]
        started = time.perf_counter()
        captions = self._captioner.predict(images)
        captioned = time.perf_counter()
        best = [candidates[0].text if candidates else "" for candidates in captions]
        hints = [Hint(pending.terms, caption) for pending, caption in zip(batch, best, strict=True)]
        tags = self._tagger.tag(images, hints)
        spent = {"caption": (captioned - started) * 1000, "tag": (time.perf_counter() - captioned) * 1000}
        return [Prediction(*pair, spent) for pair in zip(captions, tags, strict=True)]
