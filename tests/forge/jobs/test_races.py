"""Processes, not threads, that want the same rows at the same moment: nothing is lost, doubled or taken too often."""

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
from forge.models import CreditEntry, Image, Job, JobEvent, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")

PROCESSES = 8
IMAGES = 40
CREDITS = 300
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def racers(django_db_setup: None) -> Iterator[ProcessPoolExecutor]:
    """Processes with Django set up on the test database; their tasks are functions of this file."""
    # Spawned: a forked process would share this one's sockets to the database.
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
    """What `run(number, *args)` returned in each process."""
    start.mkdir()
    running = [racers.submit(_run, start, run, number, *args) for number in range(PROCESSES)]
    return [one.result(2 * PATIENCE_S) for one in running]


def _run(start: Path, run: Callable[..., T], number: int, *args: Any) -> T:
    try:
        connection.ensure_connection()
        _line_up(start, number)
        return run(number, *args)
    finally:
        connection.close()


def _line_up(start: Path, number: int) -> None:
    """The first process to be ready would otherwise have done the work before the last one begins."""
    (start / str(number)).touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(start.iterdir())) < PROCESSES:
        assert time.monotonic() < deadline, "the other processes did not come"
        time.sleep(0.002)


def total(account_id: str) -> int:
    return CreditEntry.objects.filter(account=account_id).aggregate(total=Sum("amount"))["total"] or 0


# --- Charges ----------------------------------------------------------------------------------------------------------


def test_racing_processes_take_exactly_what_there_is(racers: ProcessPoolExecutor, tmp_path: Path) -> None:
    alice = account_ensure(name="alice", credits=CREDITS)

    taken = race(racers, tmp_path / "start", _charge_until_refused, alice.pk)

    assert sum(taken) == CREDITS
    assert ledger.balance(alice.pk) == total(alice.pk) == 0
    charges = Counter(CreditEntry.objects.filter(kind="charge").values_list("job_id", flat=True))
    assert charges == {f"job_{number}": paid for number, paid in enumerate(taken) if paid}


def _charge_until_refused(number: int, account_id: str) -> int:
    random, taken, size = Random(number), 0, 3
    while size:
        images = [f"img_{taken + n}" for n in range(random.randint(1, size))]
        try:
            ledger.charge(account_id=account_id, job_id=f"job_{number}", image_ids=images)
        except InsufficientCredits:
            size = len(images) - 1  # Smaller ones may still be paid, down to the last credit.
        else:
            taken += len(images)
    return taken


# --- Analyses ---------------------------------------------------------------------------------------------------------


def test_processes_that_analyse_the_same_images_end_each_of_them_once(
    racers: ProcessPoolExecutor, tmp_path: Path, make_session: Callable[..., Session]
) -> None:
    alice = account_ensure(name="alice", credits=100)
    job = job_factory.submit(alice, make_session(alice, IMAGES))

    told = race(racers, tmp_path / "start", _analyse_all, job.pk)

    job.refresh_from_db()
    assert job.is_finished
    assert _ends_once(job) >= Counter(end for ends in told for end in ends)
    _assert_events_are_gapless(job)
    refunded = CreditEntry.objects.filter(kind="refund").values_list("image_id", flat=True)
    assert sorted(str(image_id) for image_id in refunded) == _failed(job)
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - job.succeeded
    names = Image.objects.filter(filename__isnull=False).values_list("filename", flat=True)
    assert len(set(names)) == len(names) == job.succeeded


def _ends_once(job: Job) -> "Counter[tuple[str, str]]":
    """How often each image ended, and how. A process tells of its own ends; the sweep's are beyond them."""
    rows = JobEvent.objects.filter(job=job, type__in=["result", "error"])
    ends = Counter((json.loads(row.data)["imageId"], row.type) for row in rows)
    assert set(ends.values()) == {1}
    assert len({image for image, _ in ends}) == len(ends) == IMAGES
    return ends


def _assert_events_are_gapless(job: Job) -> None:
    rows = list(JobEvent.objects.filter(job=job).order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, 2 * IMAGES + 2))
    begun = [json.loads(row.data) for row in rows if row.type == "progress"]
    assert [data["current"] for data in begun] == list(range(1, IMAGES + 1))
    assert [row.type for row in rows].index("complete") == 2 * IMAGES
    complete = json.loads(rows[-1].data)
    assert (complete["succeeded"], complete["failed"]) == (job.succeeded, job.failed)
    assert complete["creditsRefunded"] == job.failed


def _failed(job: Job) -> list[str]:
    return sorted(job.analyses.filter(status="failed").values_list("image_id", flat=True))


def _analyse_all(number: int, job_id: str) -> list[tuple[str, str]]:
    """As a worker would that is sent every image, in an order of its own, until the job has ended."""
    settings.FORGE_LEASE_S = 0.2  # So short that claims run out while they are held, and are swept by all processes.
    random = Random(number)
    ids = list(Job.objects.get(pk=job_id).analyses.values_list("pk", flat=True))
    ended: list[tuple[str, str]] = []
    deadline = time.monotonic() + PATIENCE_S
    while Job.objects.filter(pk=job_id, finished_at=None).exists():
        assert time.monotonic() < deadline, "the job does not end"
        for analysis_id in random.sample(ids, len(ids) // 4):
            if claimed := _claim(analysis_id, f"racer-{number}", random):
                ended += [(claimed.image_id, event) for event in _end(claimed, random)]
        leases.analyses_sweep()
    return ended


def _claim(analysis_id: int, holder: str, random: Random) -> services.Claim | None:
    """The image, or the one whose turn it is."""
    if random.random() < 0.5:
        return services.analysis_claim(analysis_id=analysis_id, holder=holder)
    return services.analysis_claim_next(holder=holder)


def _end(claimed: services.Claim, random: Random) -> list[str]:
    """The event of the end, once for each call that says it ended the image."""
    fate = random.random()
    if fate < 0.15:
        return []  # Lost with its worker.
    if fate < 0.3:
        time.sleep(1.5 * settings.FORGE_LEASE_S)  # Too late, perhaps: another one may have it by now.

    def succeed() -> bool:
        return job_factory.succeed(claimed)

    def fail() -> bool:
        return services.analysis_fail(claim=claimed, error=AnalysisFailed())

    # A redelivered task ends it again, maybe otherwise.
    tries = random.choices([("result", succeed), ("error", fail)], weights=[3, 1], k=2)
    return [event for event, end in tries if end()]


# --- Cancel -----------------------------------------------------------------------------------------------------------


def test_processes_that_cancel_what_others_analyse_refund_each_image_once(
    racers: ProcessPoolExecutor, tmp_path: Path
) -> None:
    alice = account_ensure(name="alice", credits=100)
    session = job_factory.session_without_files(alice, IMAGES)
    job = job_factory.submit(alice, session)

    told = race(racers, tmp_path / "start", _analyse_or_cancel, job.pk)

    job.refresh_from_db()
    assert job.status == "cancelled"
    assert (job.succeeded, job.cancelled) == (sum(ended for ended, _ in told), sum(dropped for _, dropped in told))
    assert job.succeeded + job.cancelled == IMAGES
    ends = _ends_once(job)
    assert Counter(kind for _, kind in ends) == Counter(result=job.succeeded, error=job.cancelled)
    assert [seq for seq, _ in job_factory.events(job)] == list(range(1, IMAGES + job.started + 2))
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - job.succeeded
    assert list(audit.findings()) == []


def _analyse_or_cancel(number: int, job_id: str) -> tuple[int, int]:
    """How many images this process ended, and how many it cancelled."""
    job = Job.objects.get(pk=job_id)
    # The last ones are left to whoever cancels, so that there is something to cancel however the race goes.
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

ROUNDS = 5


def test_processes_that_say_one_request_are_one_request(racers: ProcessPoolExecutor, tmp_path: Path) -> None:
    alice = account_ensure(name="alice", credits=100)
    key = key_issue(account=alice)[1]
    sessions = [job_factory.session_without_files(alice, 3).pk for _ in range(ROUNDS)]

    told = race(racers, tmp_path / "start", _say, key, sessions)

    for number in range(ROUNDS):
        answers = [answers[number] for answers in told]
        accepted = [answer for status, answer in answers if status == 202]
        assert accepted
        assert all(answer == accepted[0] for answer in accepted)
        refused = {(status, answer["code"]) for status, answer in answers if status != 202}
        assert refused <= {(409, "idempotency_in_progress")}
    assert Job.objects.count() == ROUNDS
    assert ledger.balance(alice.pk) == total(alice.pk) == 100 - 3 * ROUNDS
    assert list(audit.findings()) == []


def _say(number: int, key: str, sessions: list[str]) -> list[tuple[int, Any]]:
    return [_post(key, session) for session in sessions]


def _post(key: str, session: str) -> tuple[int, Any]:
    headers = {"Idempotency-Key": f"key-{session}", "Accept": "application/json"}
    body = job_factory.body_for(Session.objects.get(pk=session))
    path = f"/sessions/{session}/analyze"
    answer = ApiClient(key).call("POST", path, body, headers=headers, HTTP_HOST="localhost")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("committed", [False, True], ids=["before the commit", "after the commit"])
def test_a_process_that_dies_while_it_accepts_leaves_its_key_to_the_next(committed: bool) -> None:
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
            pool.submit(_die, key, session, committed).result(PATIENCE_S)

    assert Job.objects.count() == (1 if committed else 0)
    answers = [_post(key, session)]
    deadline = time.monotonic() + PATIENCE_S
    while answers[-1][0] != 202:
        assert (answers[-1][0], answers[-1][1]["code"]) == (409, "idempotency_in_progress")
        assert time.monotonic() < deadline, "the key is stuck"
        time.sleep(0.05)
        answers.append(_post(key, session))

    assert Job.objects.get().pk == answers[-1][1]["jobId"]
    assert ledger.balance(alice.pk) == total(alice.pk) == 97


def _die(key: str, session: str, committed: bool) -> None:
    """In the transaction that accepts the job, or between its commit and the broker."""
    with pytest.MonkeyPatch.context() as patch:
        if committed:
            patch.setattr(dispatch, "send", lambda ids: os.kill(os.getpid(), signal.SIGKILL))
        else:
            patch.setattr(idempotency, "key_complete", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        _post(key, session)
