import threading
from concurrent.futures import ThreadPoolExecutor

from workers.runtime.isolation import IsolationLock


def test_many_are_inside_together() -> None:
    gate = IsolationLock()
    all_inside = threading.Barrier(3)

    def enter() -> None:
        with gate.shared():
            all_inside.wait(timeout=30)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(enter) for _ in range(3)]:
            done.result(timeout=30)


def test_who_is_alone_has_nobody_beside_it_and_everybody_gets_in() -> None:
    gate = IsolationLock()
    inside: list[str] = []
    seen: list[tuple[str, list[str]]] = []
    lock = threading.Lock()

    def enter(number: int) -> None:
        kind = "alone" if number % 3 == 0 else "together"
        with gate.exclusive() if kind == "alone" else gate.shared():
            with lock:
                inside.append(kind)
                seen.append((kind, list(inside)))
            threading.Event().wait(0.001)
            with lock:
                inside.remove(kind)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(enter, range(90)))

    assert len(seen) == 90
    for kind, beside in seen:
        assert beside == ["alone"] if kind == "alone" else "alone" not in beside


def test_who_asks_to_be_alone_goes_before_those_who_come_later() -> None:
    gate = IsolationLock()
    order: list[str] = []
    leave = threading.Event()
    entered = threading.Event()

    def first() -> None:
        with gate.shared():
            entered.set()
            leave.wait(timeout=30)

    def then(kind: str) -> None:
        with gate.exclusive() if kind == "alone" else gate.shared():
            order.append(kind)

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(first)]
        assert entered.wait(timeout=30)
        done.append(pool.submit(then, "alone"))
        while not gate._asking:
            threading.Event().wait(0.001)
        done.append(pool.submit(then, "together"))
        leave.set()
        for one in done:
            one.result(timeout=30)

    assert order == ["alone", "together"]
