"""Periodic work of a worker, in a thread of its own."""

import logging
import threading
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)


class Heartbeat:
    """Calls `beats` at once and then every `seconds`; exceptions are logged."""

    def __init__(self, beats: Sequence[Callable[[], object]], *, seconds: float) -> None:
        self._beats = beats
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():  # a worker may end before starting it
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for beat in self._beats:
                try:
                    beat()
                except Exception:  # survive an outage of database or broker
                    logger.exception("The heartbeat's %s failed; trying again in %s s.", beat.__name__, self._seconds)
            self._stopped.wait(self._seconds)
