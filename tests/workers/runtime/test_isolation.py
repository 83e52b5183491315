import threading
from concurrent.futures import ThreadPoolExecutor

from workers.runtime.isolation import IsolationLock


def test_shared_holders_run_concurrently() -> None:
    lock = IsolationLock()
    all_held = threading.Barrier(3)

    def acquire() -> None:
        with lock.shared():
            all_held.wait(timeout=30)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(acquire) for _ in range(3)]:
            done.result(timeout=30)


def test_an_exclusive_holder_excludes_all_others() -> None:
    lock = IsolationLock()
    holders: list[str] = []
    observed: list[tuple[str, list[str]]] = []
    mutex = threading.Lock()

    def acquire(number: int) -> None:
        kind = "exclusive" if number % 3 == 0 else "shared"
        with lock.exclusive() if kind == "exclusive" else lock.shared():
            with mutex:
                holders.append(kind)
                observed.append((kind, list(holders)))
            threading.Event().wait(0.001)
            with mutex:
                holders.remove(kind)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(acquire, range(90)))

    assert len(observed) == 90
    for kind, others in observed:
        assert others == ["exclusive"] if kind == "exclusive" else "exclusive" not in others


def test_a_waiting_exclusive_holder_precedes_later_shared_holders() -> None:
    lock = IsolationLock()
    order: list[str] = []
    release = threading.Event()
    acquired = threading.Event()

    def first() -> None:
        with lock.shared():
            acquired.set()
            release.wait(timeout=30)

    def then(kind: str) -> None:
        with lock.exclusive() if kind == "exclusive" else lock.shared():
            order.append(kind)

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(first)]
        assert acquired.wait(timeout=30)
        done.append(pool.submit(then, "exclusive"))
        while not lock._exclusive_waiting:
            threading.Event().wait(0.001)
        done.append(pool.submit(then, "shared"))
        release.set()
        for one in done:
            one.result(timeout=30)

    assert order == ["exclusive", "shared"]
