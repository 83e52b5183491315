"""Who may be analysed beside whom in this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class IsolationLock:
    """Many at once, or one alone. Who asks to be alone goes before those who come after; they wait until it has left.

    For an image that a dead worker held: it may be the one that killed it, and must not take others with it again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False
        self._asking = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not (self._alone or self._asking))
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._changed:
            self._asking += 1
            self._changed.wait_for(lambda: not (self._alone or self._inside))
            self._asking -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
