"""The in-flight analyses of this process, whose leases its heartbeat renews."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class InFlight:
    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._lock = threading.Lock()

    @contextmanager
    def track(self, analysis_id: int) -> Iterator[None]:
        with self._lock:
            self._ids.add(analysis_id)
        try:
            yield
        finally:
            with self._lock:
                self._ids.discard(analysis_id)

    def all(self) -> list[int]:
        with self._lock:
            return list(self._ids)
