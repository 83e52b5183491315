"""Full garbage collections happen at set times while a process has streams."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from forge.relay import garbage


class Node:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def python_s_own_rule() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


def test_old_cycles_are_freed_at_set_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    garbage.collect_rarely()
    node = Node()
    gc.collect(1)  # into the oldest generation
    gc.collect(1)
    found = weakref.ref(node)
    del node
    for _ in range(1000):
        gc.collect(1)
    garbage.collect_if_due()
    assert found() is not None

    monkeypatch.setattr(garbage, "EVERY_S", 0.0)
    garbage.collect_if_due()
    assert found() is None


def test_the_younger_generations_stay_automatic() -> None:
    before = gc.get_threshold()
    garbage.collect_rarely()
    assert gc.get_threshold()[:2] == before[:2]
