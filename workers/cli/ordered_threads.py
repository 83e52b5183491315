"""An ordered thread-pool map with bounded read-ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ordered(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int
) -> Generator[tuple[Item, Future[Result]], None, None]:
    """Yield items with their futures. `items` is read in the caller's thread, at most 2 * `threads` ahead.

    Closing cancels what has not started and does not wait for the rest.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="map_ordered")
    started: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            started.append((item, pool.submit(work, item)))
            # So that the other threads have work while the first item is slow.
            if len(started) == 2 * threads:
                yield started.popleft()
        while started:
            yield started.popleft()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
