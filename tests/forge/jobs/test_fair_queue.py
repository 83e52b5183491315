"""The fair queue: round robin over accounts, submission order within an account, and limits on its length."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import mogrify
from django.test.utils import CaptureQueriesContext

from forge import redis_client
from forge.accounts import account_ensure
from forge.credits import ledger
from forge.errors import QueueFull
from forge.jobs import dispatch, fair_queue, leases, one_statement, services
from forge.models import Account, Image, ImageAnalysis, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MANY = 300


def queue(account: Account, images: int) -> Job:
    """Submit a job of that many images, without files."""
    session = Session.objects.create(account=account)
    Image.objects.bulk_create(
        Image(session=session, position=n, size=1, width=1, height=1, storage_key=f"{session.pk}/{n}")
        for n in range(images)
    )
    return job_factory.submit(account, session)


def claims(count: int) -> list[ImageAnalysis]:
    """Claim that many images and return them in claim order."""
    claimed = [services.analysis_claim_next(holder="worker-1") for _ in range(count)]
    rows = ImageAnalysis.objects.select_related("job", "image").in_bulk([one.analysis_id for one in claimed if one])
    return [rows[one.analysis_id] for one in claimed if one]


def owners(analyses: Iterable[ImageAnalysis]) -> str:
    """Return the first letters of the accounts that own the images."""
    accounts = dict(Account.objects.values_list("pk", "name"))
    return "".join(accounts[analysis.job.account_id][0] for analysis in analyses)


@pytest.fixture
def make_account() -> Callable[[str], Account]:
    return lambda name: account_ensure(name=name, credits=10_000)


@pytest.fixture
def alice(db: None, make_account: Callable[[str], Account]) -> Account:
    return make_account("alice")


def test_a_single_image_is_claimed_within_the_next_two(alice: Account, bob: Account) -> None:
    queue(alice, MANY)
    claims(20)
    queue(bob, 1)

    assert "b" in owners(claims(2))


def test_claims_are_round_robin_over_accounts(
    alice: Account, bob: Account, make_account: Callable[[str], Account]
) -> None:
    queue(alice, MANY)
    queue(bob, 10)
    queue(make_account("carol"), 20)

    assert owners(claims(30)) == "abc" * 10
    assert owners(claims(20)) == "ac" * 10
    assert owners(claims(10)) == "a" * 10


def test_an_accounts_images_are_claimed_in_submission_order(alice: Account) -> None:
    first, second = queue(alice, 20), queue(alice, 20)

    assert [(row.job_id, row.position) for row in claims(40)] == [(j.pk, n) for j in (first, second) for n in range(20)]


def test_many_small_jobs_get_the_same_share_as_one_large_job(alice: Account, bob: Account) -> None:
    queue(alice, 20)
    queue(bob, 5)
    for _ in range(20):
        queue(bob, 1)

    assert owners(claims(40)) == "ab" * 20


def test_a_later_job_is_not_claimed_before_queued_images_of_other_accounts(alice: Account, bob: Account) -> None:
    queue(alice, 20)
    claims(10)
    queue(bob, 20)
    claims(10)
    queue(alice, 10)

    assert owners(claims(10)) == "ab" * 5


def test_an_image_of_a_dead_worker_is_next_and_leaves_the_rounds_unchanged(alice: Account, bob: Account) -> None:
    queue(alice, MANY)
    claims(10)
    (lost,) = claims(1)
    job_factory.backdate(lost, lease_until=3600)
    leases.analyses_sweep()
    queue(bob, 20)  # An image in round 0 must not put bob before the current round.

    with pytest.raises(services.SuspectIsNext):
        claims(1)
    again = services.analysis_claim_next(holder="worker-1", suspect=True)
    assert again is not None
    assert again.analysis_id == lost.pk
    assert owners(claims(20)) == "ab" * 10


def test_an_account_that_gets_another_queue_goes_on_after_its_earlier_images(alice: Account) -> None:
    earlier = queue(alice, 3)
    alice.queue = "large"
    alice.save()

    later = queue(alice, 2)

    last = max(earlier.analyses.values_list("turn", flat=True))
    assert all(turn > last for turn in later.analyses.values_list("turn", flat=True))
    assert set(later.analyses.values_list("queue", flat=True)) == {"large"}


def test_claiming_from_an_empty_queue_returns_none(alice: Account) -> None:
    queue(alice, 1)

    assert services.analysis_claim_next(holder="worker-1")
    assert services.analysis_claim_next(holder="worker-1") is None


@pytest.mark.parametrize("statements", ["one", "several"])
def test_a_claim_reads_one_row_of_an_index(alice: Account, statements: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(alice, 50)
    if statements == "several":
        monkeypatch.setattr(one_statement, "is_available", lambda: False)
    elif connection.vendor != "postgresql":
        pytest.skip("SQLite takes several")
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        services.analysis_claim_next(holder="worker-1")
    captured = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    sql = captured[0] if captured else one_statement_sql()

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # It would scan a table of 50 rows.
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
        plan = " ".join(str(column) for row in cursor.fetchall() for column in row)
    assert "analysis_turns" in plan, plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def one_statement_sql() -> str:
    parameters = {"queue": "images", "only_new": False, "holder": "worker-1", "lease": timedelta(seconds=15)}
    return mogrify(one_statement.CLAIM, parameters, connection)


@pytest.mark.django_db(transaction=True)
def test_concurrent_claims_get_every_image_exactly_once(make_account: Callable[[str], Account]) -> None:
    queue(make_account("alice"), 12)
    queue(make_account("bob"), 12)

    def work(_: int) -> list[int]:
        try:
            claimed = [services.analysis_claim_next(holder="worker") for _ in range(4)]
            return [one.analysis_id for one in claimed if one]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        claimed_ids = [pk for each in pool.map(work, range(6)) for pk in each]

    assert len(set(claimed_ids)) == len(claimed_ids) == 24


# --- Queue limits -----------------------------------------------------------------------------------------------------


def test_a_job_over_the_accounts_queue_limit_is_refused_and_not_charged(alice: Account) -> None:
    alice.images_waiting = 30
    alice.save()
    queue(alice, 25)

    with pytest.raises(QueueFull) as refused:
        queue(alice, 6)

    assert refused.value.members == {"limit": 30, "actual": 31}
    assert ledger.balance(alice.pk) == 10_000 - 25
    assert Job.objects.count() == 1
    claims(1)
    queue(alice, 6)  # An in-flight image does not count.


def test_a_job_over_the_service_wide_queue_limit_is_refused(alice: Account, bob: Account, settings: Any) -> None:
    settings.FORGE_MAX_QUEUED = 30
    queue(alice, 25)

    with pytest.raises(QueueFull):
        queue(bob, 6)

    assert ledger.balance(bob.pk) == 100


def test_a_limit_of_zero_is_no_limit(alice: Account, settings: Any) -> None:
    settings.FORGE_MAX_QUEUED = 0
    settings.FORGE_IMAGES_WAITING = 10
    alice.images_waiting = 0
    alice.save()

    queue(alice, 50)


@pytest.mark.django_db(transaction=True)
def test_concurrent_jobs_do_not_exceed_the_queue_limit(make_account: Callable[[str], Account]) -> None:
    alice = make_account("alice")
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
    turns = sorted(ImageAnalysis.objects.values_list("turn", flat=True))
    assert turns == [turns[0] + number * fair_queue.ROUND for number in range(30)]


def test_the_api_returns_429_when_the_queue_is_full(
    alice: Account, api: ApiClient, make_session: Callable[..., Session]
) -> None:
    alice.images_waiting = 1
    alice.save()
    session = make_session(alice, 2)

    response = api.call("POST", f"/sessions/{session.pk}/analyze", job_factory.body_for(session))

    body = response.json()
    assert (response.status_code, body["code"], body["limit"], body["actual"]) == (429, "queue_full", 1, 2)
    assert int(response.headers["Retry-After"]) > 0
    assert ledger.balance(alice.pk) == 10_000


# --- Weights, single images and queues --------------------------------------------------------------------------------


def test_an_account_with_weight_three_gets_three_images_for_one_of_others(alice: Account, bob: Account) -> None:
    Account.objects.filter(pk=alice.pk).update(weight=3)
    alice.refresh_from_db()
    queue(bob, 20)
    queue(alice, 30)

    assert Counter(owners(claims(20))) == {"a": 15, "b": 5}
    queue(alice, 10)  # A later job goes on at the same rate.
    assert Counter(owners(claims(20))) == {"a": 15, "b": 5}


def single(account: Account) -> Job:
    session = job_factory.session_without_files(account, 1)
    return services.job_submit(
        account=account, session=session, references=job_factory.references(session), is_single=True
    )


def test_single_images_come_before_bulk_and_are_fair_among_themselves(
    alice: Account, bob: Account, make_account: Callable[[str], Account]
) -> None:
    queue(alice, 20)
    queue(bob, 20)
    claims(4)
    singles = [single(alice), single(alice), single(alice), single(make_account("carol"))]

    claimed = claims(4)

    assert {row.job_id for row in claimed} == {job.pk for job in singles}
    assert owners(claimed) == "acaa"
    assert owners(claims(4)) == "abab"
    queue(make_account("dora"), 1)  # Due times of single images are not the current round of the others.
    assert "d" in owners(claims(3))


def test_a_worker_claims_from_its_own_queues_only_the_first_one_first(
    alice: Account, bob: Account, settings: Any
) -> None:
    Account.objects.filter(pk=bob.pk).update(queue="gpu")
    bob.refresh_from_db()
    queue(alice, 3)
    queue(bob, 2)

    settings.FORGE_QUEUES = ["gpu"]
    assert owners(claims(1)) == "b"
    settings.FORGE_QUEUES = ["images"]
    assert owners(claims(1)) == "a"
    settings.FORGE_QUEUES = ["gpu", "images"]
    assert owners(claims(9)) == "baa"


def test_tasks_go_to_the_accounts_queue_and_name_their_image(bob: Account) -> None:
    bob.queue = "gpu"
    job = queue(bob, 2)
    dispatch.send([("gpu", row.image_id) for row in job_factory.analyses(job)])

    sent = [json.loads(message) for message in redis_client._shared_client().lrange("gpu", 0, -1)]

    assert {task["headers"]["argsrepr"] for task in sent} == {
        f"['{row.image_id}']" for row in job_factory.analyses(job)
    }
    assert dispatch.broker_queue_length("images") == 0
    assert {row.queue for row in job_factory.analyses(job)} == {"gpu"}


def test_lost_tasks_are_sent_again_to_their_own_queue(alice: Account, bob: Account) -> None:
    bob.queue = "gpu"
    for account in (alice, bob):
        for row in job_factory.analyses(queue(account, 2)):
            job_factory.backdate(row, sent_at=3600)

    assert leases.analyses_sweep() == 4

    assert (dispatch.broker_queue_length("images"), dispatch.broker_queue_length("gpu")) == (2, 2)
