"""A map over a thread pool with results in order and bounded read-ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ordered(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Generator[tuple[Item, Future[Result]], None, None]:
    """Yield each item with its future. `items` is read in the caller's thread, at most 2 * `threads` items ahead.

    Closing the generator cancels what has not started; what runs is not waited for.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="map_ordered")
    started: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            started.append((item, pool.submit(work, item)))
            # Twice the threads: while the first item is slow, the other threads still have work.
            if len(started) == 2 * threads:
                yield started.popleft()
        while started:
            yield started.popleft()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
