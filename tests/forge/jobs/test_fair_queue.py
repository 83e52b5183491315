"""Whose image is next, with many waiting: accounts take turns, and each account's images come in their order."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from forge.accounts import account_ensure
from forge.credits import ledger
from forge.errors import QueueFull
from forge.jobs import leases, services
from forge.models import Account, Image, ImageAnalysis, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient
from tests.forge.jobs.test_services import age

MANY = 300


def queue(account: Account, images: int) -> Job:
    """A job of so many images. Rows alone: nothing here opens a file."""
    session = Session.objects.create(account=account)
    Image.objects.bulk_create(
        Image(session=session, position=n, size=1, width=1, height=1, storage_key=f"{session.pk}/{n}")
        for n in range(images)
    )
    return job_factory.submit(account, session)


def claims(count: int) -> list[ImageAnalysis]:
    """The next so many images, in the order in which workers get them."""
    claimed = [services.analysis_claim_next(holder="worker-1") for _ in range(count)]
    rows = ImageAnalysis.objects.select_related("job", "image").in_bulk([one.analysis_id for one in claimed if one])
    return [rows[one.analysis_id] for one in claimed if one]


def names(analyses: Iterable[ImageAnalysis]) -> str:
    """Whose images they are, by first letters."""
    accounts = dict(Account.objects.values_list("pk", "name"))
    return "".join(accounts[analysis.job.account_id][0] for analysis in analyses)


@pytest.fixture
def rich() -> Callable[[str], Account]:
    return lambda name: account_ensure(name=name, credits=10_000)


@pytest.fixture
def alice(db: None, rich: Callable[[str], Account]) -> Account:
    return rich("alice")


def test_a_single_image_is_among_the_next_two(alice: Account, bob: Account) -> None:
    queue(alice, MANY)
    claims(20)
    queue(bob, 1)

    assert "b" in names(claims(2))


def test_accounts_take_turns(alice: Account, bob: Account, rich: Callable[[str], Account]) -> None:
    queue(alice, MANY)
    queue(bob, 10)
    queue(rich("carol"), 20)

    assert names(claims(30)) == "abc" * 10
    assert names(claims(20)) == "ac" * 10
    assert names(claims(10)) == "a" * 10


def test_an_account_s_images_come_in_the_order_of_its_jobs_and_of_each_job(alice: Account) -> None:
    first, second = queue(alice, 20), queue(alice, 20)

    assert [(row.job_id, row.position) for row in claims(40)] == [(j.pk, n) for j in (first, second) for n in range(20)]


def test_many_jobs_are_no_more_than_one(alice: Account, bob: Account) -> None:
    queue(alice, 20)
    queue(bob, 5)
    for _ in range(20):
        queue(bob, 1)

    assert names(claims(40)) == "ab" * 20


def test_who_comes_later_is_not_served_before_those_who_wait(alice: Account, bob: Account) -> None:
    queue(alice, 20)
    claims(10)
    queue(bob, 20)
    claims(10)
    queue(alice, 10)

    assert names(claims(10)) == "ab" * 5


def test_what_a_dead_worker_held_is_next_and_moves_nobody_else_forward(alice: Account, bob: Account) -> None:
    queue(alice, MANY)
    claims(10)
    (lost,) = claims(1)
    age(lost, lease_until=3600)
    leases.analyses_sweep()
    queue(bob, 20)  # Beside an image of round 0: bob is due now all the same, not before everybody.

    again, *others = claims(21)
    assert again.pk == lost.pk
    assert names(others) == "ab" * 10


def test_an_empty_queue_has_nothing_to_claim(alice: Account) -> None:
    queue(alice, 1)

    assert services.analysis_claim_next(holder="worker-1")
    assert services.analysis_claim_next(holder="worker-1") is None


def test_a_claim_reads_one_row_of_an_index(alice: Account) -> None:
    queue(alice, 50)
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        services.analysis_claim_next(holder="worker-1")
    sql = next(query["sql"] for query in queries if query["sql"].startswith("SELECT"))

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # Fifty rows it would read without.
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
        plan = " ".join(str(column) for row in cursor.fetchall() for column in row)
    assert "analysis_turns" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_get_different_images_and_all_of_them(rich: Callable[[str], Account]) -> None:
    queue(rich("alice"), 12)
    queue(rich("bob"), 12)

    def work(_: int) -> list[int]:
        try:
            claimed = [services.analysis_claim_next(holder="worker") for _ in range(4)]
            return [one.analysis_id for one in claimed if one]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        taken = [pk for each in pool.map(work, range(6)) for pk in each]

    assert len(set(taken)) == len(taken) == 24


# --- A full queue -----------------------------------------------------------------------------------------------------


def test_a_full_queue_refuses_before_anything_is_charged(alice: Account) -> None:
    alice.images_waiting = 30
    alice.save()
    queue(alice, 25)

    with pytest.raises(QueueFull) as refused:
        queue(alice, 6)

    assert refused.value.members == {"limit": 30, "actual": 31}
    assert ledger.balance(alice.pk) == 10_000 - 25
    assert Job.objects.count() == 1
    claims(1)
    queue(alice, 6)  # What is under way does not wait.


def test_the_queue_of_all_accounts_is_full_too(alice: Account, bob: Account, settings: Any) -> None:
    settings.FORGE_MAX_QUEUED = 30
    queue(alice, 25)

    with pytest.raises(QueueFull):
        queue(bob, 6)

    assert ledger.balance(bob.pk) == 100


def test_a_limit_of_zero_is_none(alice: Account, settings: Any) -> None:
    settings.FORGE_MAX_QUEUED = 0
    settings.FORGE_IMAGES_WAITING = 10
    alice.images_waiting = 0
    alice.save()

    queue(alice, 50)


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_jobs_no_more_are_accepted_than_the_queue_has_room_for(rich: Callable[[str], Account]) -> None:
    alice = rich("alice")
    alice.images_waiting = 30
    alice.save()

    def submit(_: int) -> int:
        try:
            return queue(alice, 10).total
        except QueueFull:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        accepted = sum(pool.map(submit, range(6)))

    assert accepted == 30
    assert ledger.balance(alice.pk) == 10_000 - 30
    assert sorted(ImageAnalysis.objects.values_list("turn", flat=True)) == list(range(1, 31))


def test_a_full_queue_is_told_with_429(alice: Account, api: ApiClient, make_session: Callable[..., Session]) -> None:
    alice.images_waiting = 1
    alice.save()
    session = make_session(alice, 2)

    answer = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session))

    told = answer.json()
    assert (answer.status_code, told["code"], told["limit"], told["actual"]) == (429, "queue_full", 1, 2)
    assert int(answer.headers["Retry-After"]) > 0
    assert ledger.balance(alice.pk) == 10_000
