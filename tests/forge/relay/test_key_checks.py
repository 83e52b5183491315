"""The API keys of open streams are read at intervals, not at each event; an inactivated key is still noticed."""

import asyncio

import pytest

from forge.accounts import key_issue
from forge.models import Account, ApiKey
from forge.redis_client import redis_client
from forge.relay import key_checks
from forge.relay.key_checks import KeyChecks
from forge.relay.shards import KEYS_CHANNEL
from tests.forge.relay.stream_reader import in_thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Record the keys of each read of the database."""
    found: list[list[int]] = []
    accepted = key_checks._accepted

    def record(ids: list[int]) -> set[int]:
        found.append(sorted(ids))
        return accepted(ids)

    monkeypatch.setattr(key_checks, "_accepted", record)
    return found


def test_a_key_is_read_once_for_many_events_of_many_streams(alice: Account, reads: list[list[int]]) -> None:
    first, second = (key_issue(account=alice)[0].pk for _ in range(2))

    async def run() -> set[bool]:
        checks = KeyChecks()
        checks.keep(True)
        answers = await asyncio.gather(*(checks.is_accepted(key) for key in [first, second] * 50))
        return {*answers, *[await checks.is_accepted(first) for _ in range(100)]}

    assert asyncio.run(run()) == {True}
    assert len(reads) <= 2
    assert sum(first in keys for keys in reads) == 1


def test_an_inactivated_key_is_refused_when_its_interval_is_over(
    alice: Account, reads: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_issue(account=alice)[0]
    monkeypatch.setattr(key_checks, "VALID_S", 0.0)

    async def run() -> list[bool]:
        checks = KeyChecks()
        checks.keep(True)
        before = await checks.is_accepted(key.pk)
        await in_thread(lambda: ApiKey.objects.update(is_active=False))
        return [before, await checks.is_accepted(key.pk), await checks.is_accepted(key.pk)]

    assert asyncio.run(run()) == [True, False, False]
    assert reads == [[key.pk]] * 3, "what is refused is not kept"


@pytest.mark.parametrize("keeps", [True, False])
def test_a_change_of_keys_is_noticed_at_once(alice: Account, reads: list[list[int]], keeps: bool) -> None:
    key = key_issue(account=alice)[0]

    async def run() -> list[bool]:
        checks = KeyChecks()
        checks.keep(keeps)
        before = await checks.is_accepted(key.pk)
        await in_thread(lambda: ApiKey.objects.update(is_active=False))
        if keeps:
            checks.keep(True)  # the change was published
        return [before, await checks.is_accepted(key.pk)]

    assert asyncio.run(run()) == [True, False]


def test_a_key_that_changes_while_it_is_read_is_not_kept(
    alice: Account, reads: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_issue(account=alice)[0]
    checks = KeyChecks()
    accepted = key_checks._accepted

    def change_meanwhile(ids: list[int]) -> set[int]:
        found = accepted(ids)
        checks._loop.call_soon_threadsafe(checks.keep, True)  # type: ignore[union-attr]
        return found

    monkeypatch.setattr(key_checks, "_accepted", change_meanwhile)

    async def run() -> None:
        checks.keep(True)
        for _ in range(3):
            await checks.is_accepted(key.pk)

    asyncio.run(run())
    assert reads == [[key.pk]] * 3


@pytest.mark.parametrize("change", ["key", "account", "deletion"])
def test_a_change_of_a_key_or_account_is_published(alice: Account, change: str) -> None:
    key = key_issue(account=alice)[0]
    with redis_client(timeout_s=5.0).pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(KEYS_CHANNEL)
        assert pubsub.get_message(timeout=5.0)
        if change == "deletion":
            key.delete()
        else:
            changed = key if change == "key" else alice
            changed.is_active = False
            changed.save()
        message = pubsub.get_message(timeout=5.0)

    assert message
    assert message["type"] == "message"
