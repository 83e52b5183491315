"""The API keys of open streams are read at intervals, not at each event; an inactivated key is still noticed."""

import asyncio

import pytest

from forge.accounts import key_issue
from forge.models import Account, ApiKey
from forge.relay import key_checks
from forge.relay.key_checks import KeyChecks
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
        before = await checks.is_accepted(key.pk)
        await in_thread(lambda: ApiKey.objects.update(is_active=False))
        return [before, await checks.is_accepted(key.pk), await checks.is_accepted(key.pk)]

    assert asyncio.run(run()) == [True, False, False]
    assert reads == [[key.pk]] * 3, "what is refused is not kept"
