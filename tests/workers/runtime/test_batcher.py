import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from tests.workers.runtime.blocking_run import WAIT_S, BlockingRun
from workers.runtime.batcher import Batcher, BatcherClosed, WrongResultCount


def test_an_idle_batcher_runs_an_item_at_once() -> None:
    batcher: Batcher[str, str] = Batcher(list, batch_size=8, name="test")
    assert batcher.submit("alone").result(WAIT_S) == "alone"
    assert list(batcher.sizes) == [1]
    batcher.close()


def test_items_that_arrive_while_run_works_form_the_next_batch() -> None:
    blocking = BlockingRun()
    batcher = Batcher(blocking.run, batch_size=4, name="test")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    rest = [batcher.submit(number) for number in range(1, 7)]
    assert batcher.pending == 6
    blocking.open()
    assert [future.result(WAIT_S) for future in [first, *rest]] == [0, 2, 4, 6, 8, 10, 12]
    assert blocking.batches == [[0], [1, 2, 3, 4], [5, 6]]
    assert (batcher.batches, batcher.items, list(batcher.sizes)) == (3, 7, [1, 4, 2])
    batcher.close()


def test_max_wait_lets_a_batch_fill_up() -> None:
    blocking = BlockingRun()
    blocking.open()
    batcher = Batcher(blocking.run, batch_size=3, max_wait_s=WAIT_S, name="test")
    futures = [batcher.submit(number) for number in range(3)]
    assert [future.result(WAIT_S / 2) for future in futures] == [0, 2, 4]
    assert blocking.batches == [[0, 1, 2]]
    batcher.close()


def test_a_batch_that_is_not_full_runs_after_max_wait() -> None:
    batcher: Batcher[int, int] = Batcher(list, batch_size=3, max_wait_s=0.01, name="test")
    assert batcher.submit(5).result(WAIT_S) == 5
    batcher.close()


def test_one_bad_item_does_not_fail_the_rest_of_its_batch() -> None:
    blocking = BlockingRun()
    batcher = Batcher(blocking.run, batch_size=4, name="test")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    good, bad, fine = batcher.submit(1), batcher.submit(13), batcher.submit(2)
    blocking.open()
    assert [future.result(WAIT_S) for future in (first, good, fine)] == [0, 2, 4]
    with pytest.raises(ValueError, match="unlucky"):
        bad.result(WAIT_S)
    assert blocking.batches == [[0], [1, 13, 2], [1], [13], [2]]
    batcher.close()


def test_the_batch_thread_survives_any_exception() -> None:
    def run(items: Sequence[type[BaseException] | None]) -> list[str]:
        for item in items:
            if item is not None:
                raise item("out")
        return ["well"] * len(items)

    batcher = Batcher(run, batch_size=1, name="test")
    for error in (SystemExit, KeyboardInterrupt, MemoryError, StopIteration):
        with pytest.raises(Exception, match="out") as caught:
            batcher.submit(error).result(WAIT_S)
        assert isinstance(caught.value, Exception)
    assert batcher.submit(None).result(WAIT_S) == "well"
    batcher.close()


def test_a_wrong_number_of_results_fails_the_whole_batch() -> None:
    blocking = BlockingRun()
    batcher: Batcher[int, int] = Batcher(
        lambda items: blocking.run(items) if items == [0] else [1], batch_size=4, name="test"
    )
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    rest = [batcher.submit(1), batcher.submit(2)]
    blocking.open()
    assert first.result(WAIT_S) == 0
    for future in rest:
        with pytest.raises(WrongResultCount):
            future.result(WAIT_S)
    assert batcher.submit(3).result(WAIT_S) == 1
    batcher.close()


def test_a_cancelled_item_is_not_run() -> None:
    blocking = BlockingRun()
    batcher = Batcher(blocking.run, batch_size=1, name="test")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    dropped, kept = batcher.submit(1), batcher.submit(2)
    assert dropped.cancel()
    assert not first.cancel()
    blocking.open()
    assert kept.result(WAIT_S) == 4
    assert blocking.batches == [[0], [2]]
    batcher.close()


def test_close_runs_pending_items_and_rejects_new_ones() -> None:
    blocking = BlockingRun()
    batcher = Batcher(blocking.run, batch_size=2, name="captioner")
    first = batcher.submit(0)
    assert blocking.started.acquire(timeout=WAIT_S)
    rest = [batcher.submit(number) for number in (1, 2, 3)]
    assert batcher.close(timeout=0) is False
    with pytest.raises(BatcherClosed, match="captioner"):
        batcher.submit(4)
    blocking.open()
    assert [future.result(WAIT_S) for future in [first, *rest]] == [0, 2, 4, 6]
    assert batcher.close(WAIT_S) is True
    assert batcher.close(WAIT_S) is True


def test_concurrent_threads_get_their_own_results() -> None:

    def run(items: Sequence[int]) -> list[int]:
        return [item * item for item in items]

    batcher = Batcher(run, batch_size=5, name="test")
    start = threading.Barrier(16)
    results: dict[int, list[int]] = {}

    def submit(base: int) -> None:
        start.wait(WAIT_S)
        futures: list[Future[int]] = [batcher.submit(base + number) for number in range(20)]
        results[base] = [future.result(WAIT_S) for future in futures]

    threads = [threading.Thread(target=submit, args=(base,)) for base in range(0, 1600, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert results == {base: [(base + n) ** 2 for n in range(20)] for base in range(0, 1600, 100)}
    assert batcher.items == 320
    assert max(batcher.sizes) <= 5
    batcher.close()


def test_a_batch_size_below_one_is_rejected() -> None:
    with pytest.raises(ValueError, match="batch_size is 0"):
        Batcher(list, batch_size=0, name="test")
