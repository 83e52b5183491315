"""Single flight: concurrent first callers share one value. A second Redis client would be garbage-collected in use."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest

from forge import redis_client
from forge.limits import counters, rates
from forge.single_flight import single_flight

THREADS = 8


def call_concurrently(call: Callable[[], object]) -> set[int]:
    """Call it in all threads at once and return the ids of the results."""
    barrier = Barrier(THREADS)

    def run(_: int) -> object:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(run, range(THREADS)))
    return {id(result) for result in results}


def test_concurrent_callers_share_one_computation() -> None:
    made: list[object] = []

    @single_flight
    def slow() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    assert call_concurrently(slow) == {id(made[0])}
    assert len(made) == 1


def test_each_argument_has_its_own_value() -> None:
    named = single_flight(lambda name: [name])

    assert named("a") is named("a")
    assert named("a") is not named("b")
    cached = named("a")
    named.cache_clear()
    assert named("a") is not cached


@pytest.mark.parametrize(
    ("module", "name", "getter"),
    [
        (redis_client, "Redis", counters.redis),
        (rates, "RedisStorage", rates.redis_storage),
        (redis_client, "Redis", redis_client._shared_client),
    ],
    ids=["counters", "rates", "dispatch"],
)
def test_concurrent_first_requests_share_one_client(
    module: ModuleType, name: str, getter: single_flight[object], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client_class = getattr(module, name)

    class Slow(client_class):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            time.sleep(0.02)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(module, name, Slow)
    getter.cache_clear()
    try:
        assert len(call_concurrently(getter)) == 1
    finally:
        getter.cache_clear()
        counters.redis.cache_clear()
