"""Limits of one web process: fair order, shares of an account, file handles."""

import asyncio
import resource
from typing import Any

import pytest

from forge import limits
from forge.errors import Unavailable
from forge.limits import FairSemaphore, ProcessShare, file_handles, open_streams
from forge.models import Account
from tests.forge.limits.conftest import set_limits


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_waiters_are_served_round_robin_by_owner() -> None:
    async def run() -> list[str]:
        semaphore, served = FairSemaphore(1), list[str]()
        assert semaphore.try_acquire("first")

        async def wait(owner: str) -> None:
            await semaphore.acquire(owner)
            served.append(owner)
            semaphore.release(owner)

        tasks = [asyncio.create_task(wait(owner)) for owner in ("many", "many", "many", "one")]
        await settle()
        semaphore.release("first")
        await asyncio.gather(*tasks)
        return served

    assert asyncio.run(run()) == ["many", "one", "many", "many"]


def test_an_owner_holds_half_of_the_slots() -> None:
    semaphore = FairSemaphore(4)

    assert [semaphore.try_acquire("many") for _ in range(3)] == [True, True, False]
    assert [semaphore.try_acquire("one") for _ in range(3)] == [True, True, False]


def test_a_waiter_that_gives_up_loses_no_slot() -> None:
    async def run() -> bool:
        semaphore = FairSemaphore(1)
        assert semaphore.try_acquire("first")
        before, granted = (asyncio.create_task(semaphore.acquire(owner)) for owner in ("gives up", "is granted"))
        await settle()
        before.cancel()
        await settle()
        semaphore.release("first")
        granted.cancel()  # in the moment in which it is granted
        await asyncio.gather(before, granted, return_exceptions=True)
        return semaphore.try_acquire("next")

    assert asyncio.run(run())


def test_an_account_has_half_of_a_process_share() -> None:
    share = ProcessShare(lambda: 4)

    assert [share.take("many", token) for token in range(3)] == [True, True, False]
    assert share.take("one", "token")
    share.give_back("many", 0)
    share.give_back("many", 0)
    assert share.held == 2
    assert share.take("many", 3)


def test_streams_over_the_capacity_of_the_process_are_unavailable(alice: Account, monkeypatch: Any) -> None:
    set_limits(alice, open_streams=0)  # no limit of its own
    alice.refresh_from_db()
    monkeypatch.setattr(open_streams, "_process_share", ProcessShare(lambda: 2))

    with limits.acquire_stream_slot(alice) as slot:
        with pytest.raises(Unavailable), limits.acquire_stream_slot(alice):
            pass
        slot.release()
        with limits.acquire_stream_slot(alice) as other:
            other.release()


@pytest.mark.parametrize("handles", [256, 1024, 4096, 65_536, resource.RLIM_INFINITY])
def test_connections_streams_and_bodies_fit_the_file_handles(handles: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (handles, handles))

    connections = file_handles.connection_capacity()

    assert 16 <= connections <= 8192
    assert file_handles.stream_capacity() < connections
    most = 65_536 if handles == resource.RLIM_INFINITY else handles
    assert connections + 2 * file_handles.body_capacity() < most
