"""The writer of a local checkpoint: one image at a time, within a deadline and the memory that there is."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from workers.models.base import Pixels
from workers.models.checkpoints import checkpoint
from workers.models.options import Options
from workers.models.prompting import template
from workers.models.prompting.image_size import MAX_SIDE, MIN_SIDE, scaled
from workers.models.writer import Writer, WriterFailed, Written
from workers.runtime.out_of_memory import is_out_of_memory

logger = logging.getLogger(__name__)


class LoadedCheckpoint(Protocol):
    """workers.models.image_text.chat.ChatCheckpoint or workers.models.image_text.florence.FlorenceCheckpoint."""

    @property
    def family(self) -> str: ...

    def write(self, pixels: Pixels, options: Options, deadline: float, *, tiles: bool) -> Written: ...
    def warm_up(self, pixels: Pixels) -> None: ...


class CheckpointWriter(Writer):
    """`timeout_s` for one image; a given `revision` saves hashing the weights; `threads` of the whole process."""

    problem = ""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        revision: str = "",
        threads: int | None = None,
        precision: str = "auto",
        timeout_s: float = 300.0,
    ) -> None:
        self._folder, self._name, self._weights_revision = folder, name or folder.name, revision
        self._threads, self._precision, self._timeout_s = threads, precision, timeout_s
        self._loaded: LoadedCheckpoint | None = None
        self._free: Callable[[], None] = lambda: None
        self._revision = self._device = self._family = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def revision(self) -> str:
        """Those of weights and template, and the precision."""
        return self._revision

    @property
    def options(self) -> Mapping[str, object]:
        """With the family of analysis_options that can do what this checkpoint can."""
        return {"maxSide": MAX_SIDE, "family": self._family}

    @property
    def device(self) -> str:
        return self._device

    def load(self) -> None:
        """Load and warm up. Raises ModelUnavailable, and ValueError for an unsupported precision."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()

    def unload(self) -> None:
        with self._lock:
            self._loaded = None

    def probe(self) -> None: ...

    def write(self, pixels: Pixels, options: Options) -> Written:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._write(self._loaded, pixels, options, time.monotonic() + self._timeout_s)

    def _write(self, loaded: LoadedCheckpoint, pixels: Pixels, options: Options, deadline: float) -> Written:
        """Write the fields, from a smaller image after each out-of-memory error."""
        side = MAX_SIDE
        while True:
            smaller = np.asarray(scaled(Image.fromarray(pixels), side))
            try:
                return loaded.write(smaller, options, deadline, tiles=side == MAX_SIDE)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                problem = f"{self._name} ran out of memory at {side} pixels"
            # Outside the handler: the error's frames hold what the model had allocated.
            self._free()
            logger.warning("%s.", problem)
            if side <= MIN_SIDE:
                raise WriterFailed(f"{problem}, the least.")
            side = max(MIN_SIDE, side // 2)

    def _load(self) -> LoadedCheckpoint:
        # Before torch is imported.
        checkpoint.require(self._folder)
        with checkpoint.packages_of("transformers"):
            import torch

            from workers.models.image_text.opening import open_checkpoint
            from workers.models.precision import prepare
        processor, precision = prepare(self._precision, threads=self._threads, name=self._name, is_packed=False)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        if processor.device == "cuda":
            self._free = torch.cuda.empty_cache
        loaded = open_checkpoint(self._folder, dtype, processor, name=self._name)
        self._device, self._family = processor.description, loaded.family
        weights = self._weights_revision or checkpoint.revision(self._folder)
        self._revision = f"{weights}+{precision}+template-{template.REVISION}"
        return loaded
