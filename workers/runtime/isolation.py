"""Isolation of images that may have crashed a worker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class IsolationLock:
    """A shared/exclusive lock; a waiting exclusive holder blocks new shared ones, so that it cannot starve.

    Exclusive is for an image that a dead worker held: it may have caused the crash and could kill others.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shared_holders = 0
        self._exclusive_held = False
        self._exclusive_waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not (self._exclusive_held or self._exclusive_waiting))
            self._shared_holders += 1
        try:
            yield
        finally:
            with self._changed:
                self._shared_holders -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._changed:
            self._exclusive_waiting += 1
            self._changed.wait_for(lambda: not (self._exclusive_held or self._shared_holders))
            self._exclusive_waiting -= 1
            self._exclusive_held = True
        try:
            yield
        finally:
            with self._changed:
                self._exclusive_held = False
                self._changed.notify_all()
