"""Ctrl-C and SIGTERM end a run between two images, not within one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self


class Interruption:
    """While it is entered, signals raise KeyboardInterrupt with their number: at once, or when `held` ends."""

    def __init__(self) -> None:
        self.number = 0
        self._is_held = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Finish what is inside; a second signal ends it at once."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self.number:
            raise KeyboardInterrupt(self.number)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        is_first = not self.number
        self.number = number
        if not (self._is_held and is_first):
            raise KeyboardInterrupt(number)
