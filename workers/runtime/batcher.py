"""Dynamic micro-batching: many threads submit items, one runs them in batches."""

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

# Full batches before a reduced batch size grows by one.
_BATCHES_BEFORE_GROWTH = 50


class BatcherClosed(RuntimeError):
    """`submit` after `close`."""


class WrongResultCount(RuntimeError):
    """`run` did not return one result per item."""


class Batcher(Generic[Item, Result]):
    """Calls `run` from one thread with 1..batch_size items; it returns their results in order.

    An idle batcher runs an item at once; items that arrive meanwhile form the next batch, which waits up to
    `max_wait_s` to fill up.

    Written by the batch thread alone: `batches` and `items` passed to `run`, `finished` calls, failed ones included,
    and the latest `sizes`.
    """

    def __init__(
        self, run: Callable[[Sequence[Item]], Sequence[Result]], *, batch_size: int, max_wait_s: float = 0.0, name: str
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self._run = run
        self._batch_size = self._current_size = batch_size
        self._full_batches = 0
        self._max_wait_s = max_wait_s
        self._name = name
        self._pending: deque[tuple[Item, Future[Result]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.batches = self.finished = 0
        self.items = 0
        self.sizes: deque[int] = deque(maxlen=64)
        # A daemon, so that a process can exit without close().
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Future[Result]:
        """Queue the item; cancelling its future removes it. Raises BatcherClosed."""
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                raise BatcherClosed(f"{self._name} is closed")
            self._pending.append((item, future))
            self._changed.notify_all()
        return future

    def close(self, timeout: float | None = None) -> bool:
        """Reject new items and run the pending ones. Return False on timeout."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def pending(self) -> int:
        """Items whose batch has not started, cancelled ones included."""
        return len(self._pending)

    def _loop(self) -> None:
        while self._wait_for_items():
            batch = self._collate()
            if batch:
                self._run_batch(batch)
            # Free the images while idle.
            del batch

    def _wait_for_items(self) -> bool:
        """Return False when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed)
            if self._max_wait_s > 0:
                self._changed.wait_for(
                    lambda: len(self._pending) >= self._current_size or self._closed, self._max_wait_s
                )
            return bool(self._pending)

    def _collate(self) -> list[tuple[Item, Future[Result]]]:
        """Take the next batch; empty when every item was cancelled."""
        batch: list[tuple[Item, Future[Result]]] = []
        with self._changed:
            while self._pending and len(batch) < self._current_size:
                item, future = self._pending.popleft()
                # From here on it cannot be cancelled.
                if future.set_running_or_notify_cancel():
                    batch.append((item, future))
        return batch

    def _run_batch(self, batch: Sequence[tuple[Item, Future[Result]]]) -> None:
        try:
            results = self._call([item for item, _ in batch])
        except WrongResultCount as error:
            for _, future in batch:
                future.set_exception(error)
            return
        # BaseException: a SystemExit would end this thread and leave later futures waiting forever.
        except BaseException as error:
            logger.warning("%s: a batch of %d failed", self._name, len(batch), exc_info=True)
            if len(batch) == 1:
                batch[0][1].set_exception(_as_exception(error))
                return
            size = self._retry_size(error, len(batch))
        else:
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
            self._grow(len(batch))
            return
        # Outside the handler: the error's frames hold what the model had allocated.
        for at in range(0, len(batch), size):
            self._run_batch(batch[at : at + size])

    def _grow(self, size: int) -> None:
        """Raise the batch size again: other processes may have freed memory."""
        self._full_batches += size >= self._current_size
        if self._full_batches >= _BATCHES_BEFORE_GROWTH and self._current_size < self._batch_size:
            self._current_size, self._full_batches = self._current_size + 1, 0

    def _retry_size(self, error: BaseException, size: int) -> int:
        """Return the batch size for the retry of two or more failed items."""
        if not is_out_of_memory(error):
            # One by one, so that only a bad image fails again.
            return 1
        # It would not fit the next time, either, and each try costs a batch's time.
        self._current_size, self._full_batches = min(self._current_size, size // 2), 0
        logger.warning("%s: out of memory; batches of %d for now", self._name, self._current_size)
        return size // 2

    def _call(self, items: Sequence[Item]) -> Sequence[Result]:
        self.batches += 1
        self.items += len(items)
        self.sizes.append(len(items))
        try:
            results = self._run(items)
        finally:
            self.finished += 1
        if len(results) != len(items):
            raise WrongResultCount(f"{self._name}: {len(items)} items, {len(results)} results")
        return results


def _as_exception(error: BaseException) -> Exception:
    """Wrap a SystemExit, which would end the waiting thread."""
    if isinstance(error, Exception):
        return error
    wrapped = RuntimeError(f"the batch raised {error!r}")
    wrapped.__cause__ = error
    return wrapped
