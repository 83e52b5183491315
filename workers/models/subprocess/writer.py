"""A writer in a process of its own."""

import threading
import time
from collections.abc import Mapping

from workers.models.base import ModelUnavailable, Pixels
from workers.models.options import Options
from workers.models.subprocess.client import ModelProcess, ModelProcessDied
from workers.models.subprocess.model_metadata import ModelMetadata
from workers.models.writer import Writer, Written


class SubprocessWriter(Writer):
    """As `workers.models.create_writer`, whose errors `load` raises here. One image at a time.

    `write` raises what the writer raises, and ModelProcessDied after a crash or `timeout_s` without a response; the
    next image starts another process.
    """

    problem = ""

    def __init__(self, timeout_s: float, name: str, options: Mapping[str, object]) -> None:
        self._process = ModelProcess(name, dict(options), timeout_s, method="load_writer")
        self._lock = threading.Lock()
        self._last_used = time.monotonic()

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._process.pid

    @property
    def name(self) -> str:
        return self._metadata.name

    @property
    def revision(self) -> str:
        return self._metadata.revision

    @property
    def options(self) -> Mapping[str, object]:
        return self._metadata.options

    @property
    def device(self) -> str:
        return self._metadata.device

    def load(self) -> None:
        with self._lock:
            try:
                self._process.load()
            except ModelProcessDied as error:
                raise ModelUnavailable(f"{error} It may not have had the memory to load the checkpoint.") from error

    def unload(self) -> None:
        with self._lock:
            self._process.stop()

    def probe(self) -> None: ...

    def write(self, pixels: Pixels, options: Options) -> Written:
        with self._lock:
            try:
                written: Written = self._process.call("write", [pixels], options)
            finally:
                self._last_used = time.monotonic()
            return written

    def unload_if_idle(self, seconds: float) -> bool:
        """End a process that was idle for so long; the next image starts another one."""
        if not self._lock.acquire(blocking=False):
            return False  # It is writing.
        try:
            idle = self._process.pid is not None and time.monotonic() - self._last_used >= seconds
            if idle:
                self._process.stop()
            return idle
        finally:
            self._lock.release()

    @property
    def _metadata(self) -> ModelMetadata:
        if self._process.metadata is None:
            raise RuntimeError("load() comes first")
        return self._process.metadata[0]
