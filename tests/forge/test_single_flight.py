"""What many threads ask for at once is made once: a second Redis client would be collected under its users."""

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


def at_once(ask: Callable[[], object]) -> set[int]:
    """What each of the threads was given, by its identity."""
    barrier = Barrier(THREADS)

    def one(_: int) -> object:
        barrier.wait()
        return ask()

    with ThreadPoolExecutor(THREADS) as pool:
        given = list(pool.map(one, range(THREADS)))
    return {id(value) for value in given}


def test_threads_that_ask_together_get_the_one_that_is_made() -> None:
    made: list[object] = []

    @single_flight
    def slow() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    assert at_once(slow) == {id(made[0])}
    assert len(made) == 1


def test_another_argument_is_another_value() -> None:
    named = single_flight(lambda name: [name])

    assert named("a") is named("a")
    assert named("a") is not named("b")
    kept = named("a")
    named.cache_clear()
    assert named("a") is not kept


@pytest.mark.parametrize(
    ("module", "name", "ask"),
    [
        (redis_client, "Redis", counters.redis),
        (rates, "RedisStorage", rates._storage),
        (redis_client, "Redis", redis_client._shared_client),
    ],
    ids=["counters", "rates", "dispatch"],
)
def test_first_requests_share_one_client(
    module: ModuleType, name: str, ask: single_flight[object], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    made = getattr(module, name)

    class Slow(made):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            time.sleep(0.02)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(module, name, Slow)
    ask.cache_clear()
    try:
        assert len(at_once(ask)) == 1
    finally:
        ask.cache_clear()
        counters.redis.cache_clear()
