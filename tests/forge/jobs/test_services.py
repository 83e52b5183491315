import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from forge import redis_client
from forge.accounts import account_ensure
from forge.credits import ledger
from forge.errors import AnalysisFailed, Conflict, Unavailable
from forge.jobs import dispatch, leases, services, states
from forge.models import Account, Image, ImageAnalysis, Job, JobEvent, Session
from tests.forge import job_factory

MakeSession = Callable[..., Session]


def age(analysis: ImageAnalysis, **fields: float) -> None:
    """Makes the times of a row older by so many seconds."""
    row = ImageAnalysis.objects.get(pk=analysis.pk)
    for field, seconds in fields.items():
        setattr(row, field, getattr(row, field) - timedelta(seconds=seconds))
    row.save()


def queue_length() -> int:
    return dispatch.broker_queue_length()


# --- Submit -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_task_an_image_is_sent_after_commit(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=10)

    job_factory.submit(alice, make_session(alice, 4))

    assert queue_length() == 4


def test_nothing_is_sent_before_commit(alice: Account, make_session: MakeSession) -> None:
    job_factory.submit(alice, make_session(alice, 4))  # The test's own transaction is still open.

    assert queue_length() == 0


def test_an_image_under_analysis_is_not_taken_twice(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    job_factory.submit(alice, session)

    with pytest.raises(Conflict) as refused:
        job_factory.submit(alice, session)

    assert refused.value.members["imageIds"] == [image.pk for image in session.images.all()]
    assert ledger.balance(alice.pk) == 98
    assert Job.objects.count() == 1


def test_an_image_may_be_analysed_again_when_its_job_has_ended(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job_factory.run(job_factory.submit(alice, session))
    job_factory.run(job_factory.submit(alice, session))

    assert [image.filename for image in session.images.all()] == ["red-kettle"]


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_requests_for_the_same_images_one_is_accepted(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    session = make_session(alice, 3)

    def submit(number: int) -> bool:
        named = job_factory.references(session)
        try:
            services.job_submit(account=alice, session=session, references=named[number % 3 :] + named[: number % 3])
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        accepted = list(pool.map(submit, range(6)))

    assert sum(accepted) == 1
    assert ledger.balance(alice.pk) == 97


def test_without_a_broker_nothing_is_accepted(
    alice: Account, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    session = make_session(alice, 1)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    redis_client._shared_client.cache_clear()
    try:
        with pytest.raises(Unavailable):
            job_factory.submit(alice, session)
    finally:
        settings.REDIS_URL = ""
        redis_client._shared_client.cache_clear()
        monkeypatch.undo()

    assert ledger.balance(alice.pk) == 100
    assert not Job.objects.exists()


# --- Claim, succeed, fail ---------------------------------------------------------------------------------------------


def test_a_task_that_runs_twice_claims_once(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]
    first = services.analysis_claim(analysis_id=analysis.pk, holder="worker-1")
    second = services.analysis_claim(analysis_id=analysis.pk, holder="worker-2")

    assert first is not None
    assert second is None


def test_a_task_that_runs_again_after_the_end_changes_nothing(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    claimed = job_factory.claim(analysis)
    job_factory.succeed(claimed)
    before = (job_factory.events(job), ledger.balance(alice.pk))

    assert services.analysis_claim(analysis_id=analysis.pk, holder="worker-2") is None
    assert not job_factory.succeed(claimed)
    assert not services.analysis_fail(claim=claimed, error=AnalysisFailed())
    assert (job_factory.events(job), ledger.balance(alice.pk)) == before


def test_the_claim_of_a_worker_that_lost_its_lease_is_void(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    lost = job_factory.claim(analysis, "worker-1")
    age(analysis, lease_until=3600)
    leases.analyses_sweep()
    held = job_factory.claim(analysis, "worker-1")  # The same process, a second attempt.

    assert not job_factory.succeed(lost, "too-late")
    assert not services.analysis_fail(claim=lost, error=AnalysisFailed())
    assert job_factory.succeed(held, "in-time")
    assert Image.objects.get(pk=analysis.image_id).filename == "in-time"


def test_events_are_numbered_without_a_gap_and_complete_is_last(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    job_factory.run(job, failing=frozenset({2}))

    kinds = ["progress", "result", "progress", "result", "progress", "error", "complete"]
    assert job_factory.events(job) == list(enumerate(kinds, start=1))
    last = json.loads(JobEvent.objects.get(job=job, seq=7).data)
    assert last == {
        "status": "partial",
        "processed": 3,
        "total": 3,
        "succeeded": 2,
        "failed": 1,
        "creditsCharged": 3,
        "creditsRefunded": 1,
    }


@pytest.mark.parametrize(
    ("failing", "status"), [(frozenset[int](), "complete"), ({0}, "partial"), ({0, 1}, "failed")], ids=str
)
def test_a_job_ends_as_its_images_did(
    alice: Account, make_session: MakeSession, failing: frozenset[int], status: str
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job, failing=frozenset(failing))

    job.refresh_from_db()
    assert job.status == status
    assert job.is_finished


@pytest.mark.django_db(transaction=True)
def test_parallel_workers_leave_no_gap_and_complete_once(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    job = job_factory.submit(alice, make_session(alice, 12))

    def work(analysis: ImageAnalysis) -> None:
        try:
            job_factory.succeed(job_factory.claim(analysis))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, job_factory.analyses(job)))

    events = job_factory.events(job)
    assert [seq for seq, _ in events] == list(range(1, 26))
    assert [kind for _, kind in events].count("complete") == 1
    assert events[-1][1] == "complete"
    begun = [json.loads(event.data)["current"] for event in JobEvent.objects.filter(job=job, type="progress")]
    assert begun == list(range(1, 13))
    names = [image.filename for image in Image.objects.all()]
    assert len(set(names)) == 12


# --- File names -------------------------------------------------------------------------------------------------------


def test_a_taken_file_name_gives_way_to_the_next_that_fits(alice: Account, make_session: MakeSession) -> None:
    first, second, third = job_factory.analyses(job_factory.submit(alice, make_session(alice, 3)))
    for analysis in (first, second, third):
        job_factory.succeed(job_factory.claim(analysis), "red-kettle", "red-kettle-bright")

    assert list(Image.objects.order_by("position").values_list("filename", flat=True)) == [
        "red-kettle",
        "red-kettle-bright",
        "red-kettle-2",
    ]


def test_a_numbered_file_name_keeps_to_its_length(alice: Account, make_session: MakeSession) -> None:
    long = "-".join(["word"] * 16)  # 79 characters
    for analysis in job_factory.analyses(job_factory.submit(alice, make_session(alice, 12))):
        job_factory.succeed(job_factory.claim(analysis), long)

    names = list(Image.objects.values_list("filename", flat=True))
    assert len(set(names)) == 12
    assert max(len(name or "") for name in names) <= 80


# --- Sweep ------------------------------------------------------------------------------------------------------------


def test_an_image_whose_worker_died_is_sent_again_and_begins_once(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    job_factory.claim(analysis, "dead-worker")
    age(analysis, lease_until=3600)

    assert leases.analyses_sweep() == 1
    assert queue_length() == 1
    job_factory.succeed(job_factory.claim(analysis, "worker-2"))
    assert [kind for _, kind in job_factory.events(job)] == ["progress", "result", "complete"]


def test_an_image_that_a_living_worker_holds_is_left_to_it(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]
    job_factory.claim(analysis, "worker-1")
    age(analysis, lease_until=3600)

    assert leases.leases_renew(holder="worker-1", analysis_ids=[analysis.pk]) == 1
    assert leases.analyses_sweep() == 0


def test_what_the_broker_forgot_is_sent_again(alice: Account, make_session: MakeSession, settings: Any) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))  # Not committed, so never sent: as after a lost broker.
    assert leases.analyses_sweep() == 0  # It may still be on its way.
    for analysis in job_factory.analyses(job):
        age(analysis, sent_at=settings.FORGE_RESEND_S + 1)

    assert leases.analyses_sweep() == 2
    assert queue_length() == 2


def test_a_long_queue_is_no_loss(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    dispatch.send(2)
    for analysis in job_factory.analyses(job):
        age(analysis, sent_at=3600)

    assert leases.analyses_sweep() == 0
    assert queue_length() == 2


def test_an_image_that_ends_its_workers_fails_alone_and_is_refunded(
    alice: Account, make_session: MakeSession, settings: Any
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    poison, harmless = job_factory.analyses(job)
    job_factory.succeed(job_factory.claim(harmless))
    for _ in range(settings.FORGE_MAX_ATTEMPTS):
        job_factory.claim(poison)
        age(poison, lease_until=3600)
        leases.analyses_sweep()

    poison.refresh_from_db()
    job.refresh_from_db()
    assert (poison.status, poison.code) == ("failed", "analysis_crashed")
    assert job.status == "partial"
    assert ledger.balance(alice.pk) == 99


# --- States -----------------------------------------------------------------------------------------------------------


def test_a_move_that_the_table_does_not_know_is_a_mistake(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]

    with pytest.raises(states.IllegalTransition):
        states.analysis_transition(analysis.pk, source="succeeded", target="queued", where={})
    with pytest.raises(states.IllegalTransition):
        states.job_transition(analysis.job_id, source="complete", target="running")


def test_times_are_told(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    job_factory.run(job)

    job.refresh_from_db()
    assert job.finished_at is not None
    assert job.created_at <= job.finished_at <= timezone.now()
