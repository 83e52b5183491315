"""Race conditions between processes that change the same rows: nothing is lost, duplicated or charged too often."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlsplit

import django
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Sum

from forge import idempotency
from forge.accounts import account_ensure, key_issue
from forge.credits import audit, ledger
from forge.errors import AnalysisFailed, InsufficientCredits
from forge.jobs import dispatch, leases, services
from forge.jobs.claims import Claim
from forge.models import CreditEntry, Image, Job, JobEvent, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")

PROCESSES = 8
IMAGES = 40
CREDITS = 300
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def racers(django_db_setup: None) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes with Django set up on the test database; they run functions of this module."""
    # Spawned: a forked process would share this process's database sockets.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", _test_database_url())
        with ProcessPoolExecutor(PROCESSES, get_context("spawn"), initializer=django.setup) as pool:
            yield pool


def _test_database_url() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def race(racers: ProcessPoolExecutor, start: Path, run: Callable[..., T], *args: Any) -> list[T]:
    """Run `run(number, *args)` in all processes at once and return their results."""
    start.mkdir()
    running = [racers.submit(_run, start, run, number, *args) for number in range(PROCESSES)]
    return [one.result(2 * TIMEOUT_S) for one in running]


def _run(start: Path, run: Callable[..., T], number: int, *args: Any) -> T:
    try:
        connection.ensure_connection()
        _wait_for_all(start, number)
        return run(number, *args)
    finally:
        connection.close()


def _wait_for_all(start: Path, number: int) -> None:
    """Start barrier: otherwise the first process would finish before the last one starts."""
    (start / str(number)).touch()
    deadline = time.monotonic() + TIMEOUT_S
    while len(list(start.iterdir())) < PROCESSES:
        assert time.monotonic() < deadline, "the other processes did not start"
        time.sleep(0.002)


def total(account_id: str) -> int:
    return CreditEntry.objects.filter(account=account_id).aggregate(total=Sum("amount"))["total"] or 0


# --- Charges ----------------------------------------------------------------------------------------------------------


def test_concurrent_charges_take_exactly_the_balance(racers: ProcessPoolExecutor, tmp_path: Path) -> None:
    alice = account_ensure(name="alice", credits=CREDITS)

    charged = race(racers, tmp_path / "start", _charge_until_refused, alice.pk)

    assert sum(charged) == CREDITS
    assert ledger.balance(alice.pk) == total(alice.pk) == 0
    charges = Counter(CreditEntry.objects.filter(kind="charge").values_list("job_id", flat=True))
    assert charges == {f"job_{number}": paid for number, paid in enumerate(charged) if paid}


def _charge_until_refused(number: int, account_id: str) -> int:
    random, charged, size = Random(number), 0, 3
    while size:
        images = [f"img_{charged + n}" for n in range(random.randint(1, size))]
        try:
            ledger.charge(account_id=account_id, job_id=f"job_{number}", image_ids=images)
        except InsufficientCredits:
            size = len(images) - 1  # A smaller charge may still succeed, down to the last credit.
        else:
            charged += len(images)
    return charged


# --- Analyses ---------------------------------------------------------------------------------------------------------


def test_concurrent_workers_end_each_image_once(
    racers: ProcessPoolExecutor, tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    alice = account_ensure(name="alice", credits=100)
    job = job_factory.submit(alice, make_session(alice, IMAGES))

    reported = race(racers, tmp_path / "start", _analyse_all, job.pk)

    job.refresh_from_db()
    assert job.is_finished
    assert _ends_once(job) >= Counter(end for ends in reported for end in ends)
    _assert_events_are_gapless(job)
    refunded = CreditEntry.objects.filter(kind="refund").values_list("image_id", flat=True)
    assert sorted(str(image_id) for image_id in refunded) == _failed(job)
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - job.succeeded
    names = Image.objects.filter(filename__isnull=False).values_list("filename", flat=True)
    assert len(set(names)) == len(names) == job.succeeded


def _ends_once(job: Job) -> "Counter[tuple[str, str]]":
    """Return how each image ended, after checking that it ended once. The sweep's ends are in no process's report."""
    rows = JobEvent.objects.filter(job=job, type__in=["result", "error"])
    ends = Counter((json.loads(row.data)["imageId"], row.type) for row in rows)
    assert set(ends.values()) == {1}
    assert len({image for image, _ in ends}) == len(ends) == IMAGES
    return ends


def _assert_events_are_gapless(job: Job) -> None:
    rows = list(JobEvent.objects.filter(job=job).order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, 2 * IMAGES + 2))
    started = [json.loads(row.data) for row in rows if row.type == "progress"]
    assert [data["current"] for data in started] == list(range(1, IMAGES + 1))
    assert [row.type for row in rows].index("complete") == 2 * IMAGES
    complete = json.loads(rows[-1].data)
    assert (complete["succeeded"], complete["failed"]) == (job.succeeded, job.failed)
    assert complete["creditsRefunded"] == job.failed


def _failed(job: Job) -> list[str]:
    return sorted(job.analyses.filter(status="failed").values_list("image_id", flat=True))


def _analyse_all(number: int, job_id: str) -> list[tuple[str, str]]:
    """Work like a worker that receives every image in random order, until the job has ended."""
    settings.FORGE_LEASE_S = 0.2  # so short that held claims expire and are swept by all processes
    random = Random(number)
    ids = list(Job.objects.get(pk=job_id).analyses.values_list("pk", flat=True))
    ended: list[tuple[str, str]] = []
    deadline = time.monotonic() + TIMEOUT_S
    while Job.objects.filter(pk=job_id, finished_at=None).exists():
        assert time.monotonic() < deadline, "the job does not end"
        for analysis_id in random.sample(ids, len(ids) // 4):
            if claimed := _claim(analysis_id, f"racer-{number}", random):
                ended += [(claimed.image_id, event) for event in _end(claimed, random)]
        leases.analyses_sweep()
    return ended


def _claim(analysis_id: int, holder: str, random: Random) -> Claim | None:
    """Claim that image, or the next in fair order."""
    if random.random() < 0.5:
        return services.analysis_claim(analysis_id=analysis_id, holder=holder)
    return job_factory.claim_next(holder)


def _end(claimed: Claim, random: Random) -> list[str]:
    """Return the event type of each call that ended the image."""
    outcome = random.random()
    if outcome < 0.15:
        return []  # The worker died.
    if outcome < 0.3:
        time.sleep(1.5 * settings.FORGE_LEASE_S)  # Another process may hold the image by now.

    def succeed() -> bool:
        return job_factory.succeed(claimed)

    def fail() -> bool:
        return services.analysis_fail(claim=claimed, error=AnalysisFailed())

    # A redelivered task ends the image again, perhaps differently.
    tries = random.choices([("result", succeed), ("error", fail)], weights=[3, 1], k=2)
    return [event for event, end in tries if end()]


# --- Cancel -----------------------------------------------------------------------------------------------------------


def test_concurrent_cancellation_and_analysis_refund_each_image_once(
    racers: ProcessPoolExecutor, tmp_path: Path
) -> None:
    alice = account_ensure(name="alice", credits=100)
    session = job_factory.session_without_files(alice, IMAGES)
    job = job_factory.submit(alice, session)

    reported = race(racers, tmp_path / "start", _analyse_or_cancel, job.pk)

    job.refresh_from_db()
    assert job.status == "cancelled"
    assert (job.succeeded, job.cancelled) == (
        sum(ended for ended, _ in reported),
        sum(dropped for _, dropped in reported),
    )
    assert job.succeeded + job.cancelled == IMAGES
    ends = _ends_once(job)
    assert Counter(kind for _, kind in ends) == Counter(result=job.succeeded, error=job.cancelled)
    assert [seq for seq, _ in job_factory.events(job)] == list(range(1, IMAGES + job.started + 2))
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - job.succeeded
    assert list(audit.findings()) == []


def _analyse_or_cancel(number: int, job_id: str) -> tuple[int, int]:
    """Return how many images this process ended, and how many it cancelled."""
    job = Job.objects.get(pk=job_id)
    # The last images are never claimed, so that there is always something to cancel.
    ids = list(job.analyses.order_by("position").values_list("pk", flat=True))[: IMAGES - 5]
    Random(number).shuffle(ids)
    ended = 0
    for done, analysis_id in enumerate(ids):
        if number % 2 and done == 4 * number:
            return ended, services.job_cancel(job=job)
        if claimed := services.analysis_claim(analysis_id=analysis_id, holder=f"racer-{number}"):
            ended += job_factory.succeed(claimed)
    return ended, 0


# --- Idempotency ------------------------------------------------------------------------------------------------------

REQUESTS = 5


def test_concurrent_requests_with_one_key_are_one_request(racers: ProcessPoolExecutor, tmp_path: Path) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    sessions = [job_factory.session_without_files(alice, 3).pk for _ in range(REQUESTS)]

    reported = race(racers, tmp_path / "start", _post_all, key, sessions)

    for number in range(REQUESTS):
        responses = [each[number] for each in reported]
        accepted = [body for status, body in responses if status == 202]
        assert accepted
        assert all(body == accepted[0] for body in accepted)
        refused = {(status, body["code"]) for status, body in responses if status != 202}
        assert refused <= {(409, "idempotency_in_progress")}
    assert Job.objects.count() == REQUESTS
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - 3 * REQUESTS
    assert list(audit.findings()) == []


def _post_all(number: int, key: str, sessions: list[str]) -> list[tuple[int, Any]]:
    return [_post(key, session) for session in sessions]


def _post(key: str, session: str) -> tuple[int, Any]:
    headers = {"Idempotency-Key": f"key-{session}", "Accept": "application/json"}
    body = job_factory.body_for(Session.objects.get(pk=session))
    path = f"/sessions/{session}/analyze"
    response = ApiClient(key).call("POST", path, body, headers=headers, HTTP_HOST="localhost")
    return response.status_code, response.json()


@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "after the commit"])
def test_a_key_is_usable_after_its_process_died_while_accepting(committed: bool) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    session = job_factory.session_without_files(alice, 3).pk
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", _test_database_url())
        patch.setenv("FORGE_IDEMPOTENCY_LEASE_S", "1")
        with (
            ProcessPoolExecutor(1, get_context("spawn"), initializer=django.setup) as pool,
            pytest.raises(BrokenProcessPool),
        ):
            pool.submit(_post_and_die, key, session, committed).result(TIMEOUT_S)

    assert Job.objects.count() == (1 if committed else 0)
    responses = [_post(key, session)]
    deadline = time.monotonic() + TIMEOUT_S
    while responses[-1][0] != 202:
        assert (responses[-1][0], responses[-1][1]["code"]) == (409, "idempotency_in_progress")
        assert time.monotonic() < deadline, "the key is stuck"
        time.sleep(0.05)
        responses.append(_post(key, session))

    assert Job.objects.get().pk == responses[-1][1]["jobId"]
    assert ledger.balance(alice.pk) == total(alice.pk) == 97


def _post_and_die(key: str, session: str, committed: bool) -> None:
    """Die in the transaction that accepts the job, or between its commit and the broker."""
    with pytest.MonkeyPatch.context() as patch:
        if committed:
            patch.setattr(dispatch, "send", lambda ids: os.kill(os.getpid(), signal.SIGKILL))
        else:
            patch.setattr(idempotency, "key_complete", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        _post(key, session)
