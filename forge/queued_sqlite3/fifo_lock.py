import threading
from collections import deque


class FifoLock:
    """A lock that passes to its waiters in the order in which they came; threading.Lock promises no order."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._held = False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def acquire(self, timeout: float) -> bool:
        """Return False after `timeout` seconds."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            passed = threading.Event()
            self._waiting.append(passed)
        if passed.wait(timeout):
            return True
        with self._mutex:
            if passed.is_set():
                return True
            self._waiting.remove(passed)
            return False

    def release(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
