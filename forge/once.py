from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class once(Generic[_T]):  # noqa: N801  (a decorator, as functools.cache is one)
    """`functools.cache` that makes each value in one thread while the others wait for it.

    The cache of the standard library lets every thread that asks before there is an answer make its own. Of a Redis
    client that is harmful: those that are not kept are collected, which closes their connections under whoever uses
    them, and the first requests of a fresh web process fail for it.
    """

    def __init__(self, make: Callable[..., _T]) -> None:
        self._cached = cache(make)
        self._lock = RLock()
        self.cache_clear = self._cached.cache_clear

    def __call__(self, *args: Any) -> _T:
        with self._lock:
            return self._cached(*args)
