"""Many threads submit single items; one thread runs them in batches."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from workers.runtime.out_of_memory import is_out_of_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

# So many full batches after one that did not fit in memory, one more item is tried.
_PATIENCE = 50


class BatcherClosed(RuntimeError):
    """`submit` after `close`."""


class WrongResultCount(RuntimeError):
    """`run` did not answer each item with exactly one result, so nobody knows whose result is whose."""


class Batcher(Generic[Item, Result]):
    """`run` is only ever called from one thread, with 1..batch_size items, and must answer in their order.

    An item that finds the thread idle is run at once; what arrives while `run` works is collated into the next batch.
    `max_wait_s` above 0 lets a batch that is not full wait that long for company.

    Written by the batch thread alone: `batches` and `items` count calls of `run` and what they carried, `ended` those
    that are over, well or not; `sizes` holds the sizes of the latest calls.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Sequence[Result]], *, batch_size: int, max_wait_s: float = 0.0, name: str
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self._run = run
        self._batch_size = self._fitting = batch_size
        self._full = 0
        self._max_wait_s = max_wait_s
        self._name = name
        self._waiting: deque[tuple[Item, Future[Result]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.batches = self.ended = 0
        self.items = 0
        self.sizes: deque[int] = deque(maxlen=64)
        # A daemon, so that a process that forgot close() can still exit.
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Future[Result]:
        """Raises BatcherClosed. Cancelling the future before its batch begins takes the item out."""
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise BatcherClosed(f"{self._name} is closed")
            self._waiting.append((item, future))
            self._changed.notify_all()
        return future

    def close(self, timeout: float | None = None) -> bool:
        """Refuses new items and runs what waits. False if that took longer than `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Items submitted whose batch has not begun, cancelled ones included."""
        return len(self._waiting)

    def _loop(self) -> None:
        while self._wait_for_work():
            batch = self._collate()
            if batch:
                self._answer(batch)
            # An idle thread must not keep the last batch's pictures in memory.
            del batch

    def _wait_for_work(self) -> bool:
        """False when closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._max_wait_s > 0:
                self._changed.wait_for(lambda: len(self._waiting) >= self._fitting or self._closed, self._max_wait_s)
            return bool(self._waiting)

    def _collate(self) -> list[tuple[Item, Future[Result]]]:
        """May be empty, when every waiter has cancelled."""
        batch: list[tuple[Item, Future[Result]]] = []
        with self._changed:
            while self._waiting and len(batch) < self._fitting:
                item, future = self._waiting.popleft()
                # From here on the future can no longer be cancelled.
                if future.set_running_or_notify_cancel():
                    batch.append((item, future))
        return batch

    def _answer(self, batch: Sequence[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._call([item for item, _ in batch])
        except WrongResultCount as error:
            for _, future in batch:
                future.set_exception(error)
            return
        # BaseException: a SystemExit out of a model would end this thread and leave later futures waiting for ever.
        except BaseException as error:
            logger.warning("%s: a batch of %d failed", self._name, len(batch), exc_info=True)
            if len(batch) == 1:
                batch[0][1].set_exception(_deliverable(error))
                return
            size = self._size_after(error, len(batch))
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
            self._grow(len(batch))
            return
        # Out of the handler: the error's frames hold what the model had allocated.
        for at in range(0, len(batch), size):
            self._answer(batch[at : at + size])

    def _grow(self, size: int) -> None:
        """Who else took the memory may have given it back."""
        self._full += size >= self._fitting
        if self._full >= _PATIENCE and self._fitting < self._batch_size:
            self._fitting, self._full = self._fitting + 1, 0

    def _size_after(self, error: BaseException, size: int) -> int:
        """In which batches the same items are run again, two or more of them that failed together."""
        if not is_out_of_memory(error):
            # One bad picture must not fail the others that happened to sit in its batch: alone, only it fails again.
            return 1
        # What did not fit will not fit the next time either, and each try costs a batch's time.
        self._fitting, self._full = min(self._fitting, size // 2), 0
        logger.warning("%s: out of memory; batches of %d for now", self._name, self._fitting)
        return size // 2

    def _call(self, items: Sequence[Item]) -> Sequence[Result]:
        self.batches += 1
        self.items += len(items)
        self.sizes.append(len(items))
        try:
            results = self._run(items)
        finally:
            self.ended += 1
        if len(results) != len(items):
            raise WrongResultCount(f"{self._name}: {len(items)} items, {len(results)} results")
        return results


def _deliverable(error: BaseException) -> Exception:
    """A SystemExit raised again in a waiting thread would be taken for that thread's own."""
    if isinstance(error, Exception):
        return error
    wrapped = RuntimeError(f"the batch raised {error!r}")
    wrapped.__cause__ = error
    return wrapped
