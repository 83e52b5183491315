"""Cancelling a job: what waits is refunded and told, what is under way finishes; twice is as once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from forge.credits import ledger
from forge.errors import AnalysisFailed
from forge.jobs import leases, services
from forge.models import Account, CreditEntry, ImageAnalysis, Job, JobEvent, Session
from tests.forge import job_factory
from tests.forge.conftest import ApiClient

MakeSession = Callable[..., Session]


def cancel(api: ApiClient, job: Job) -> Any:
    answer = api.call("POST", f"/jobs/{job.pk}/cancel")
    assert answer.status_code == 200, answer.json()
    return answer.json()


def complete(job: Job) -> Any:
    return json.loads(JobEvent.objects.get(job=job, type="complete").data)


def state(job: Job) -> tuple[Any, ...]:
    row = Job.objects.filter(pk=job.pk).values_list().get()
    return row, job_factory.events(job), ledger.balance(job.account_id), CreditEntry.objects.count()


def test_a_job_that_has_not_begun_ends_at_once(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))

    told = cancel(api, job)

    assert (told["status"], told["processed"], told["total"]) == ("cancelled", 3, 3)
    assert told["finishedAt"]
    assert [(image["status"], image["code"]) for image in told["images"]] == [("cancelled", "cancelled")] * 3
    assert job_factory.events(job) == [(1, "error"), (2, "error"), (3, "error"), (4, "complete")]
    errors = [json.loads(event.data) for event in JobEvent.objects.filter(job=job, type="error").order_by("seq")]
    assert [error["imageId"] for error in errors] == [analysis.image_id for analysis in job_factory.analyses(job)]
    assert {error["code"] for error in errors} == {"cancelled"}
    assert complete(job) == {
        "status": "cancelled",
        "processed": 3,
        "total": 3,
        "succeeded": 0,
        "failed": 0,
        "creditsCharged": 3,
        "creditsRefunded": 3,
    }
    assert ledger.balance(alice.pk) == 100


def test_images_under_way_finish_and_then_the_job_ends(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 5))
    done, good, bad, *_ = job_factory.analyses(job)
    job_factory.succeed(job_factory.claim(done))
    under_way = [job_factory.claim(good), job_factory.claim(bad)]

    told = cancel(api, job)

    states = ["succeeded", "processing", "processing", "cancelled", "cancelled"]
    assert [image["status"] for image in told["images"]] == states
    assert (told["status"], told["processed"], told["finishedAt"]) == ("running", 3, None)
    assert job_factory.succeed(under_way[0])
    assert services.analysis_fail(claim=under_way[1], error=AnalysisFailed())
    assert complete(job) == {
        "status": "cancelled",
        "processed": 5,
        "total": 5,
        "succeeded": 2,
        "failed": 1,
        "creditsCharged": 5,
        "creditsRefunded": 3,
    }
    assert [kind for _, kind in job_factory.events(job)].count("error") == 3
    assert job_factory.events(job)[-1] == (9, "complete")
    assert ledger.balance(alice.pk) == 98


@pytest.mark.parametrize("under_way", [0, 1])
def test_saying_it_twice_changes_nothing(
    alice: Account, api: ApiClient, make_session: MakeSession, under_way: int
) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    for analysis in job_factory.analyses(job)[:under_way]:
        job_factory.claim(analysis)
    first, before = cancel(api, job), state(job)

    assert cancel(api, job) == first
    assert state(job) == before


def test_an_ended_job_stays_as_it_is(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job, failing=frozenset({1}))
    before = state(job)

    assert cancel(api, job)["status"] == "partial"
    assert state(job) == before


def test_a_job_of_which_everything_is_under_way_is_not_cancelled(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    claimed = job_factory.claim(job_factory.analyses(job)[0])

    cancel(api, job)

    assert job_factory.succeed(claimed)
    assert complete(job)["status"] == "complete"


def test_the_task_of_a_cancelled_image_finds_nothing_to_do(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    cancel(api, job)
    before = state(job)

    assert services.analysis_claim(analysis_id=job_factory.analyses(job)[0].pk, holder="worker-1") is None
    assert state(job) == before


def test_what_a_lost_worker_gave_back_waits_and_is_cancelled(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    late = job_factory.claim(job_factory.analyses(job)[0])
    ImageAnalysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.analyses_sweep()

    assert cancel(api, job)["status"] == "cancelled"
    assert not job_factory.succeed(late)
    assert job_factory.events(job) == [(1, "progress"), (2, "error"), (3, "complete")]
    assert ledger.balance(alice.pk) == 100


def test_cancelled_images_may_be_analysed_again(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    cancel(api, job_factory.submit(alice, session))
    again = job_factory.submit(alice, session)
    job_factory.run(again)

    assert api.call("GET", f"/jobs/{again.pk}").json()["status"] == "complete"
    assert ledger.balance(alice.pk) == 98


def test_a_session_is_deleted_once_its_job_is_cancelled(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    session = make_session(alice, 2)
    job = job_factory.submit(alice, session)

    refused = api.call("DELETE", f"/sessions/{session.pk}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    cancel(api, job)
    assert api.call("DELETE", f"/sessions/{session.pk}").status_code == 204
    assert ledger.balance(alice.pk) == 100
    assert CreditEntry.objects.filter(job_id=job.pk).count() == 4


def test_another_accounts_job_is_not_there(bob: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(bob, make_session(bob, 1))

    for missing in (job.pk, "job_never_was"):
        answer = api.call("POST", f"/jobs/{missing}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    job.refresh_from_db()
    assert job.status == "queued"
