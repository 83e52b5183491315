"""A POST with `Last-Event-ID` goes on with the job that the same POST started, and starts none."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from forge.accounts import account_ensure, key_issue
from forge.credits import ledger
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, body_for
from tests.forge.api.test_idempotent_replay import events

pytestmark = pytest.mark.django_db(transaction=True)
MakeSession = Callable[..., Session]


def post(session: Session, key: str, last_event_id: str = "1", *, body: bytes | None = None, **headers: str) -> Call:
    sent = {"last-event-id": last_event_id, **{name.replace("_", "-"): value for name, value in headers.items()}}
    call = Call("POST", f"/sessions/{session.pk}/analyze", key, body_for(session) if body is None else body, sent)

    async def run() -> Call:
        await call.start()
        await call.finish()
        return call

    return asyncio.run(run())


def finished_job(account: Account, session: Session) -> Job:
    job = job_factory.submit(account, session)
    job_factory.run(job)
    return job


@pytest.mark.parametrize("last_event_id", ["0", "1", "4", "5", "900"])
def test_it_sends_the_events_after_the_last_one(
    alice: Account, key: str, make_session: MakeSession, last_event_id: str
) -> None:
    session = make_session(alice, 2)
    job = finished_job(alice, session)

    call = post(session, key, last_event_id)

    # After the last event, too: clients that repeat a POST take 204 for a failure, and repeat it for ever.
    assert (call.status, call.headers["content-type"]) == (200, "text/event-stream")
    assert call.headers["x-job-id"] == job.pk
    assert call.headers["location"].endswith(f"/v1/jobs/{job.pk}")
    assert events(call.text) == [event for event in job_factory.events(job) if event[0] > int(last_event_id)]
    assert Job.objects.count() == 1
    assert ledger.balance(alice.pk) == 98


def test_it_resumes_the_newest_job_of_the_same_images_in_any_order(
    alice: Account, key: str, make_session: MakeSession
) -> None:
    session = make_session(alice, 2)
    finished_job(alice, session)
    newest = finished_job(alice, session)
    body = json.loads(body_for(session))
    body["images"].reverse()

    assert post(session, key, body=json.dumps(body).encode()).headers["x-job-id"] == newest.pk
    assert Job.objects.count() == 2


def test_the_job_of_the_idempotency_key_comes_first(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 1)

    first = post(session, key, "", idempotency_key="k-1", accept="application/json")
    job_factory.run(Job.objects.get())
    newest = finished_job(alice, session)

    assert post(session, key, idempotency_key="k-1").headers["x-job-id"] == first.headers["x-job-id"]
    assert post(session, key, idempotency_key="k-2").headers["x-job-id"] == newest.pk
    assert post(session, key).headers["x-job-id"] == newest.pk
    assert ledger.balance(alice.pk) == 98


def test_an_idempotency_key_of_another_request_is_a_mismatch(
    alice: Account, key: str, make_session: MakeSession
) -> None:
    session, other = make_session(alice, 1), make_session(alice, 1)
    post(session, key, "", idempotency_key="k-1", accept="application/json")

    call = post(other, key, idempotency_key="k-1")

    assert (call.status, json.loads(call.text)["code"]) == (422, "idempotency_mismatch")


def older(job: Job, **_: Any) -> None:
    Job.objects.filter(pk=job.pk).update(created_at=job.created_at - timedelta(hours=24, seconds=1))


def without_the_last(body: dict[str, Any]) -> None:
    body["images"].pop()


def refused(alice: Account, key: str, session: Session, change: Callable[[dict[str, Any]], None] | None = None) -> Any:
    body = json.loads(body_for(session))
    if change:
        change(body)
    before = ledger.balance(alice.pk), Job.objects.count()
    call = post(session, key, body=json.dumps(body).encode())
    assert (ledger.balance(alice.pk), Job.objects.count()) == before
    return call.status, json.loads(call.text)["code"]


def test_without_such_a_job_there_is_nothing_to_resume(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 3)

    assert refused(alice, key, session) == (409, "nothing_to_resume")
    job = finished_job(alice, session)
    assert refused(alice, key, session, without_the_last) == (409, "nothing_to_resume")
    assert refused(alice, key, make_session(alice, 3)) == (409, "nothing_to_resume")
    older(job)
    assert refused(alice, key, session) == (409, "nothing_to_resume")


def test_a_job_of_more_images_is_not_resumed(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    only_first = body_for(session)
    finished_job(alice, session)
    bigger = make_session(alice, 1)
    bigger.images.update(session=session)
    finished_job(alice, session)

    assert post(session, key, body=only_first).headers["x-job-id"] == Job.objects.order_by("created_at")[0].pk


def test_another_account_resumes_nothing(alice: Account, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    finished_job(alice, session)
    bobs_key = key_issue(account=account_ensure(name="bob", credits=10))[1]

    call = post(session, bobs_key)

    assert (call.status, json.loads(call.text)["code"]) == (404, "not_found")


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "job_1:2", "9" * 40])
def test_a_malformed_position_starts_nothing(alice: Account, key: str, make_session: MakeSession, value: str) -> None:
    call = post(make_session(alice, 1), key, value)

    assert (call.status, json.loads(call.text)["code"]) == (400, "invalid_request")
    assert not Job.objects.exists()


def test_it_resumes_as_json(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    job = finished_job(alice, session)

    call = post(session, key, accept="application/json")

    assert (call.status, json.loads(call.text)["jobId"]) == (202, job.pk)
    assert json.loads(call.text)["status"] == "complete"
