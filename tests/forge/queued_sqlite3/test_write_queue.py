"""Write transactions of one process take SQLite's lock in the order in which they came."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from forge.models import Account, CreditEntry
from forge.queued_sqlite3.fifo_lock import FifoLock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has row locks"),
]
LIMIT_S = 30


@pytest.fixture
def lock() -> FifoLock:
    found = connection._lock  # type: ignore[attr-defined]
    assert isinstance(found, FifoLock)
    return found


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


def closing(write: Callable[[], object]) -> Callable[[], object]:
    def call() -> object:
        try:
            return write()
        finally:
            connection.close()

    return call


def wait_for(lock: FifoLock, waiting: int) -> None:
    """Wait until so many threads are in the queue; there is no event for that."""
    for _ in range(int(LIMIT_S / 0.002)):
        if lock.waiting == waiting:
            return
        threading.Event().wait(0.002)
    raise AssertionError(f"{lock.waiting} wait, not {waiting}")


@pytest.mark.parametrize("scope", [nullcontext, transaction.atomic])
def test_writes_run_in_the_order_of_their_arrival(
    alice: Account, lock: FifoLock, threads: ThreadPoolExecutor, scope: Callable[[], AbstractContextManager[None]]
) -> None:
    def write(number: int) -> None:
        with scope():
            CreditEntry.objects.create(account=alice, amount=1, kind="grant", note=str(number))

    with transaction.atomic():
        waiting = []
        for number in range(20):
            waiting.append(threads.submit(closing(partial(write, number))))
            wait_for(lock, number + 1)
    for future in waiting:
        future.result(LIMIT_S)

    notes = CreditEntry.objects.exclude(note="").order_by("pk").values_list("note", flat=True)
    assert [int(note) for note in notes] == list(range(20))
    assert lock.waiting == 0


def test_reads_do_not_wait(threads: ThreadPoolExecutor) -> None:
    with transaction.atomic():
        Account.objects.create(name="uncommitted")
        assert threads.submit(closing(Account.objects.count)).result(LIMIT_S) == 0


def test_the_lock_is_free_after_each_way_a_transaction_ends(lock: FifoLock) -> None:
    def fail() -> None:
        with transaction.atomic():
            Account.objects.create(name="one")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with transaction.atomic(), transaction.atomic():
        Account.objects.create(name="two")
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("UPDATE no_such_table SET a = 1")
    transaction.set_autocommit(False)
    connection.close()

    assert not lock._held


def test_a_wait_over_the_timeout_is_an_operational_error(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "timeout", 0.01)

    with transaction.atomic():
        failed = threads.submit(closing(lambda: Account.objects.create(name="late")))
        with pytest.raises(OperationalError, match="database is locked"):
            failed.result(LIMIT_S)

    assert Account.objects.create(name="in time").pk
