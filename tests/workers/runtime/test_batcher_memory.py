"""The batch size after out-of-memory and other errors."""

import threading
from collections.abc import Sequence

import pytest

from tests.workers.runtime.blocking_run import WAIT_S, BlockingRun
from workers.runtime.batcher import Batcher


class OutOfMemoryError(RuntimeError):
    """Named as torch.cuda's."""


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
    ids=["python", "gpu", "cpu"],
)
def test_out_of_memory_halves_the_batch_size_and_retries(error: Exception) -> None:
    batch_sizes: list[int] = []
    blocking = threading.Event()

    def run(items: Sequence[int]) -> list[int]:
        assert blocking.wait(WAIT_S)
        batch_sizes.append(len(items))
        if len(items) > 2:
            raise error
        return [item * 2 for item in items]

    batcher = Batcher(run, batch_size=8, name="test")
    first = batcher.submit(0)
    while batcher.batches == 0:
        threading.Event().wait(0.001)
    rest = [batcher.submit(number) for number in range(1, 13)]
    blocking.set()
    assert [future.result(WAIT_S) for future in [first, *rest]] == [number * 2 for number in range(13)]
    # Eight, its first half, the quarters of that; later batches are no larger than what fitted.
    assert batch_sizes == [1, 8, 4, 2, 2, 4, 2, 2, 2, 2]
    batcher.close()


def test_the_batch_size_grows_again_when_memory_is_free() -> None:
    short = True
    batch_sizes: list[int] = []

    def run(items: Sequence[int]) -> list[int]:
        if short and len(items) > 1:
            raise MemoryError
        batch_sizes.append(len(items))
        return list(items)

    blocking = BlockingRun()
    batcher: Batcher[int, int] = Batcher(
        lambda items: blocking.run(items) if items[0] == 0 else run(items), batch_size=2, name="test"
    )
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    few = [batcher.submit(1) for _ in range(2)]
    blocking.open()
    assert [future.result(WAIT_S) for future in [first, *few]] == [0, 1, 1]
    short = False
    many = [batcher.submit(1) for _ in range(300)]
    assert [future.result(WAIT_S) for future in many] == [1] * 300
    assert batch_sizes[:2] == [1, 1]
    assert max(batch_sizes) == 2
    batcher.close()


def test_an_item_too_large_for_memory_fails_alone() -> None:
    blocking = BlockingRun()
    batches: list[list[int]] = []

    def run(items: Sequence[int]) -> list[int]:
        if items == [0]:
            return blocking.run(items)
        batches.append(list(items))
        if 13 in items:
            raise MemoryError("too large")
        return list(items)

    batcher = Batcher(run, batch_size=4, name="test")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    rest = [batcher.submit(number) for number in (1, 13, 2, 3)]
    blocking.open()
    assert first.result(WAIT_S) == 0
    assert [rest[place].result(WAIT_S) for place in (0, 2, 3)] == [1, 2, 3]
    with pytest.raises(MemoryError, match="too large"):
        rest[1].result(WAIT_S)
    assert batches == [[1, 13, 2, 3], [1, 13], [1], [13], [2, 3]]
    batcher.close()


def test_other_errors_do_not_reduce_the_batch_size() -> None:
    blocking = BlockingRun()
    batcher = Batcher(blocking.run, batch_size=4, name="test")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    rest = [batcher.submit(number) for number in (13, 1, 2, 3, 4, 5, 6, 7)]
    blocking.open()
    assert first.result(WAIT_S) == 0
    assert rest[-1].result(WAIT_S) == 14
    assert blocking.batches[-1] == [4, 5, 6, 7]
    with pytest.raises(ValueError, match="unlucky"):
        rest[0].result(WAIT_S)
    batcher.close()
