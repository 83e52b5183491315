"""Job cancellation: queued images are refunded with an event, in-flight images finish, and a repeat changes nothing."""

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
    response = api.call("POST", f"/jobs/{job.pk}/cancel")
    assert response.status_code == 200, response.json()
    return response.json()


def complete_data(job: Job) -> Any:
    return json.loads(JobEvent.objects.get(job=job, type="complete").data)


def state(job: Job) -> tuple[Any, ...]:
    row = Job.objects.filter(pk=job.pk).values_list().get()
    return row, job_factory.events(job), ledger.balance(job.account_id), CreditEntry.objects.count()


def test_cancelling_a_queued_job_ends_it(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))

    cancelled = cancel(api, job)

    assert (cancelled["status"], cancelled["processed"], cancelled["total"]) == ("cancelled", 3, 3)
    assert cancelled["finishedAt"]
    assert [(image["status"], image["code"]) for image in cancelled["images"]] == [("cancelled", "cancelled")] * 3
    assert job_factory.events(job) == [(1, "error"), (2, "error"), (3, "error"), (4, "complete")]
    errors = [json.loads(event.data) for event in JobEvent.objects.filter(job=job, type="error").order_by("seq")]
    assert [error["imageId"] for error in errors] == [analysis.image_id for analysis in job_factory.analyses(job)]
    assert {error["code"] for error in errors} == {"cancelled"}
    assert complete_data(job) == {
        "jobId": job.pk,
        "status": "cancelled",
        "processed": 3,
        "total": 3,
        "succeeded": 0,
        "failed": 0,
        "creditsCharged": 3,
        "creditsRefunded": 3,
    }
    assert ledger.balance(alice.pk) == 100


def test_in_flight_images_finish_before_a_cancelled_job_ends(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 5))
    done, good, bad, *_ = job_factory.analyses(job)
    job_factory.succeed(job_factory.claim(done))
    in_flight = [job_factory.claim(good), job_factory.claim(bad)]

    cancelled = cancel(api, job)

    states = ["succeeded", "processing", "processing", "cancelled", "cancelled"]
    assert [image["status"] for image in cancelled["images"]] == states
    assert (cancelled["status"], cancelled["processed"], cancelled["finishedAt"]) == ("running", 3, None)
    assert job_factory.succeed(in_flight[0])
    assert services.analysis_fail(claim=in_flight[1], error=AnalysisFailed())
    assert complete_data(job) == {
        "jobId": job.pk,
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


@pytest.mark.parametrize("in_flight", [0, 1])
def test_cancelling_twice_changes_nothing(
    alice: Account, api: ApiClient, make_session: MakeSession, in_flight: int
) -> None:
    job = job_factory.submit(alice, make_session(alice, 3))
    for analysis in job_factory.analyses(job)[:in_flight]:
        job_factory.claim(analysis)
    first, before = cancel(api, job), state(job)

    assert cancel(api, job) == first
    assert state(job) == before


def test_cancelling_an_ended_job_changes_nothing(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    job_factory.run(job, failing=frozenset({1}))
    before = state(job)

    assert cancel(api, job)["status"] == "partial"
    assert state(job) == before


def test_cancelling_a_job_whose_images_are_all_in_flight_has_no_effect(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    claimed = job_factory.claim(job_factory.analyses(job)[0])

    cancel(api, job)

    assert job_factory.succeed(claimed)
    assert complete_data(job)["status"] == "complete"


def test_a_cancelled_image_cannot_be_claimed(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    cancel(api, job)
    before = state(job)

    assert services.analysis_claim(analysis_id=job_factory.analyses(job)[0].pk, holder="worker-1") is None
    assert state(job) == before


def test_an_image_requeued_from_a_dead_worker_is_cancelled(
    alice: Account, api: ApiClient, make_session: MakeSession
) -> None:
    job = job_factory.submit(alice, make_session(alice, 1))
    expired = job_factory.claim(job_factory.analyses(job)[0])
    ImageAnalysis.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    leases.analyses_sweep()

    assert cancel(api, job)["status"] == "cancelled"
    assert not job_factory.succeed(expired)
    assert job_factory.events(job) == [(1, "progress"), (2, "error"), (3, "complete")]
    assert ledger.balance(alice.pk) == 100


def test_cancelled_images_can_be_analysed_again(alice: Account, api: ApiClient, make_session: MakeSession) -> None:
    session = make_session(alice, 2)
    cancel(api, job_factory.submit(alice, session))
    again = job_factory.submit(alice, session)
    job_factory.run(again)

    assert api.call("GET", f"/jobs/{again.pk}").json()["status"] == "complete"
    assert ledger.balance(alice.pk) == 98


def test_a_session_can_be_deleted_after_its_job_is_cancelled(
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


def test_another_accounts_job_is_not_found(bob: Account, api: ApiClient, make_session: MakeSession) -> None:
    job = job_factory.submit(bob, make_session(bob, 1))

    for missing in (job.pk, "job_never_was"):
        response = api.call("POST", f"/jobs/{missing}/cancel")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    job.refresh_from_db()
    assert job.status == "queued"
