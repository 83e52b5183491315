"""The inference engine: captioner and tagger behind a micro-batching queue."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

import numpy as np

from workers.models.base import Caption, Captioner, Hint, Model, Pixels, Tag, Tagger
from workers.models.evidence import Evidence
from workers.runtime.batcher import Batcher


class EngineTimeout(Exception):
    """The models did not return within the caller's timeout."""


class EngineNotLoaded(RuntimeError):
    """`describe` before `load`, or after `close`."""


@dataclass(frozen=True, slots=True, eq=False)
class PendingImage:
    """An image in the queue, with its account's terms; `words`: whether captions and tags are needed."""

    pixels: Pixels
    terms: tuple[str, ...] = ()
    words: bool = True


@dataclass(frozen=True, slots=True)
class Prediction:
    """Captions and tags, best first, the evidence, and the batch's milliseconds in each model."""

    captions: list[Caption]
    tags: list[Tag]
    evidence: Evidence = field(default_factory=Evidence)
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
        # Held while the models load, run or unload.
        self._model_lock = threading.Lock()
        self._loaded = False
        self._last_used = 0.0
        self._provenance: dict[str, dict[str, object]] = {}
        self._device = ""

    def load(self) -> None:
        """Load and warm up, once. Raises ModelUnavailable."""
        with self._model_lock:
            if self._batcher is None:
                self._load()
                self._batcher = Batcher(self._run_batch, batch_size=self._batch_size, name="models")

    def describe(
        self, pixels: Pixels, timeout_s: float, terms: tuple[str, ...] = (), *, words: bool = True
    ) -> Prediction:
        """Predict one image; block until its batch is done. Without `words`, the evidence alone.

        Raises EngineTimeout if no batch finishes for `timeout_s`, EngineNotLoaded, BatcherClosed, or the models' error.
        """
        batcher = self.batcher
        future = batcher.submit(PendingImage(pixels, terms, words))
        while True:
            finished = batcher.finished
            try:
                return future.result(timeout_s)
            except FutureTimeout as error:
                # Or the model itself raised a TimeoutError.
                if future.done() and not future.cancelled():
                    return future.result()
                # Earlier batches may together take longer than the timeout on a slow machine.
                if batcher.finished == finished:
                    future.cancel()
                    raise EngineTimeout(f"no result from the models in {timeout_s:g} s") from error

    def close(self, timeout: float | None = None) -> None:
        """Finish pending images, then unload, unless the models are still busy after `timeout` seconds."""
        if self._batcher is not None and self._batcher.close(timeout):
            with self._model_lock:
                self._unload()

    def unload_if_idle(self, seconds: float) -> bool:
        """Free the memory of models idle for that long; the next image loads them again."""
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

    @property
    def device(self) -> str:
        """The captioner's device as last loaded; empty before that."""
        return self._device

    def _load(self) -> None:
        if self._loaded:
            return
        self._captioner.load()
        self._tagger.load()
        # Warm-up: the first prediction is several times slower than the next.
        self._predict([PendingImage(np.full((64, 64, 3), 255, dtype=np.uint8))])
        models: dict[str, Model] = {"captioner": self._captioner, "tagger": self._tagger}
        # A result may be recorded after the models were unloaded.
        self._provenance = {
            role: {"name": model.name, "revision": model.revision, "options": dict(model.options)}
            for role, model in models.items()
        }
        self._device = self._captioner.device
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
        # The models recognize a batch by its list.
        described = images if all(pending.words for pending in batch) else [one.pixels for one in batch if one.words]
        started = time.perf_counter()
        captions = self._captioner.predict(described) if described else []
        captioned = time.perf_counter()
        best = [candidates[0].text if candidates else "" for candidates in captions]
        terms = [pending.terms for pending in batch if pending.words]
        hints = [Hint(of_image, caption) for of_image, caption in zip(terms, best, strict=True)]
        tags = self._tagger.tag(described, hints) if described else []
        evidence = self._tagger.evidence(images)
        spent = {"caption": (captioned - started) * 1000, "tag": (time.perf_counter() - captioned) * 1000}
        words = zip(captions, tags, strict=True)
        return [
            Prediction(*(next(words) if pending.words else ([], [])), found, spent)
            for pending, found in zip(batch, evidence, strict=True)
        ]
