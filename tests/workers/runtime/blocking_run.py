import threading
from collections.abc import Sequence

WAIT_S = 10


class BlockingRun:
    """A run() that signals its start, blocks until opened, and returns the doubled items."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.opened = threading.Semaphore(0)
        self.batches: list[list[int]] = []

    def run(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.started.release()
        assert self.opened.acquire(timeout=WAIT_S)
        if 13 in items:
            raise ValueError("unlucky")
        return [item * 2 for item in items]

    def open(self) -> None:
        self.opened.release(100)
