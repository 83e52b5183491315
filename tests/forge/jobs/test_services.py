import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


# --- Submit -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_submitting_sends_one_task_per_image_after_commit(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=10)

    job_factory.submit(alice, make_session(alice, 4))

    assert dispatch.broker_queue_length() == 4


def test_submitting_sends_no_task_before_commit(alice: Account, make_session: MakeSession) -> None:
    job_factory.submit(alice, make_session(alice, 4))  # in the test's transaction, which stays open

    assert dispatch.broker_queue_length() == 0


def test_an_image_under_analysis_cannot_be_submitted_again(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    job_factory.submit(alice, session)

    with pytest.raises(Conflict) as refused:
        job_factory.submit(alice, session)

    assert refused.value.members["imageIds"] == [image.pk for image in session.images.all()]
    assert ledger.balance(alice.pk) == 98
    assert Job.objects.count() == 1


def test_an_image_can_be_analysed_again_after_its_job_has_ended(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job_factory.run(job_factory.submit(alice, session))
    job_factory.run(job_factory.submit(alice, session))

    assert [image.filename for image in session.images.all()] == ["red-kettle"]


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_jobs_for_the_same_images_one_is_accepted(make_session: MakeSession) -> None:
    alice = account_ensure(name="alice", credits=100)
    session = make_session(alice, 3)

    def submit(number: int) -> bool:
        references = job_factory.references(session)
        rotated = references[number % 3 :] + references[: number % 3]
        try:
            services.job_submit(account=alice, session=session, references=rotated)
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        accepted = list(pool.map(submit, range(6)))

    assert sum(accepted) == 1
    assert ledger.balance(alice.pk) == 97


def test_without_a_broker_no_job_is_accepted(
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


def test_an_image_is_claimed_once(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]
    first = services.analysis_claim(analysis_id=analysis.pk, holder="worker-1")
    second = services.analysis_claim(analysis_id=analysis.pk, holder="worker-2")

    assert first is not None
    assert second is None


def test_a_task_redelivered_after_the_end_changes_nothing(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    claimed = job_factory.claim(analysis)
    job_factory.succeed(claimed)
    before = (job_factory.events(job), ledger.balance(alice.pk))

    assert services.analysis_claim(analysis_id=analysis.pk, holder="worker-2") is None
    assert not job_factory.succeed(claimed)
    assert not services.analysis_fail(claim=claimed, error=AnalysisFailed())
    assert (job_factory.events(job), ledger.balance(alice.pk)) == before


def test_an_expired_claim_is_void(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    analysis = job_factory.analyses(job)[0]
    expired = job_factory.claim(analysis, "worker-1")
    job_factory.backdate(analysis, lease_until=3600)
    leases.analyses_sweep()
    current = job_factory.claim(analysis, "worker-1")  # a second attempt by the same process

    assert not job_factory.succeed(expired, "too-late")
    assert not services.analysis_fail(claim=expired, error=AnalysisFailed())
    assert job_factory.succeed(current, "in-time")
    assert Image.objects.get(pk=analysis.image_id).filename == "in-time"


def test_event_numbers_are_gapless_and_complete_is_last(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    job_factory.run(job, failing=frozenset({2}))

    kinds = ["progress", "result", "progress", "result", "progress", "error", "complete"]
    assert job_factory.events(job) == list(enumerate(kinds, start=1))
    last = json.loads(JobEvent.objects.get(job=job, seq=7).data)
    assert last == {
        "jobId": job.pk,
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
def test_the_final_status_of_a_job_follows_from_its_images(
    alice: Account, make_session: MakeSession, failing: frozenset[int], status: str
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job, failing=frozenset(failing))

    job.refresh_from_db()
    assert job.status == status
    assert job.is_finished


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_leave_no_gap_and_complete_once(make_session: MakeSession) -> None:
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
    started = [json.loads(event.data)["current"] for event in JobEvent.objects.filter(job=job, type="progress")]
    assert started == list(range(1, 13))
    names = [image.filename for image in Image.objects.all()]
    assert len(set(names)) == 12


# --- File names -------------------------------------------------------------------------------------------------------


def test_a_taken_file_name_is_replaced_by_the_next_candidate(alice: Account, make_session: MakeSession) -> None:
    first, second, third = job_factory.analyses(job_factory.submit(alice, make_session(alice, 3)))
    for analysis in (first, second, third):
        job_factory.succeed(job_factory.claim(analysis), "red-kettle", "red-kettle-bright")

    assert list(Image.objects.order_by("position").values_list("filename", flat=True)) == [
        "red-kettle",
        "red-kettle-bright",
        "red-kettle-2",
    ]


def test_a_numbered_file_name_stays_within_80_characters(alice: Account, make_session: MakeSession) -> None:
    long = "-".join(["word"] * 16)  # 79 characters
    for analysis in job_factory.analyses(job_factory.submit(alice, make_session(alice, 12))):
        job_factory.succeed(job_factory.claim(analysis), long)

    names = list(Image.objects.values_list("filename", flat=True))
    assert len(set(names)) == 12
    assert max(len(name or "") for name in names) <= 80


# --- States -----------------------------------------------------------------------------------------------------------


def test_an_illegal_transition_raises(alice: Account, make_session: MakeSession) -> None:
    analysis = job_factory.analyses(job_factory.submit(alice, make_session(alice, 1)))[0]

    with pytest.raises(states.IllegalTransition):
        states.analysis_transition(analysis.pk, source="succeeded", target="queued", where={})
    with pytest.raises(states.IllegalTransition):
        states.job_transition(analysis.job_id, source="complete", target="running")


def test_an_ended_job_has_a_finish_time(alice: Account, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    job_factory.run(job)

    job.refresh_from_db()
    assert job.finished_at is not None
    assert job.created_at <= job.finished_at <= timezone.now()
