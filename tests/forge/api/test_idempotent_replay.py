"""A POST repeated with its idempotency key, as after a broken stream: the same job's events, or its response."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from forge.credits import ledger
from forge.jobs import services
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, analyze_single, body_for, single, work

pytestmark = pytest.mark.django_db(transaction=True)
MakeSession = Callable[..., Session]


def events(text: str) -> list[tuple[int, str]]:
    found = [frame.splitlines() for frame in text.split("\n\n") if "event:" in frame]
    fields = [dict(line.split(": ", 1) for line in lines) for lines in found]
    return [(int(field["id"]), field["event"]) for field in fields]


async def post(session: str, key: str, body: bytes, **headers: str) -> Call:
    sent = {"idempotency-key": "key-1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    call = Call("POST", f"/sessions/{session}/analyze", key, body, sent)
    await call.start()
    return call


def test_a_repeated_post_streams_the_same_job_from_its_first_event(
    alice: Account, key: str, make_session: MakeSession
) -> None:
    session = make_session(alice, 2)
    body = body_for(session)

    async def run() -> list[Call]:
        broken = await post(session.pk, key, body)
        await broken.disconnect()
        concurrent = await post(session.pk, key, body)
        await work(concurrent.headers["x-job-id"])
        after = await post(session.pk, key, body)
        await concurrent.finish()
        await after.finish()
        return [broken, concurrent, after]

    calls = asyncio.run(run())

    job = Job.objects.get()
    assert {(call.status, call.headers["x-job-id"]) for call in calls} == {(200, job.pk)}
    assert events(calls[1].text) == job_factory.events(job)
    assert calls[2].text == calls[1].text
    assert ledger.balance(alice.pk) == 98


@pytest.mark.parametrize("last_event_id", ["0", "2", "5", "7"])
def test_a_repeated_post_with_last_event_id_resumes_after_it(
    alice: Account, key: str, make_session: MakeSession, last_event_id: str
) -> None:
    session = make_session(alice, 2)
    body = body_for(session)

    async def run() -> Call:
        first = await post(session.pk, key, body)
        await first.disconnect()
        await work(first.headers["x-job-id"])
        again = await post(session.pk, key, body, last_event_id=last_event_id)
        await again.finish()
        return again

    again = asyncio.run(run())

    # After the last event too: a client that repeats a POST takes 204 for a failure and retries for ever.
    assert (again.status, again.headers["content-type"]) == (200, "text/event-stream")
    assert events(again.text) == [
        event for event in job_factory.events(Job.objects.get()) if event[0] > int(last_event_id)
    ]


def test_stream_and_json_share_one_idempotency_key(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    body = body_for(session)

    async def run() -> tuple[Call, Call]:
        stream = await post(session.pk, key, body)
        await stream.disconnect()
        accepted = await post(session.pk, key, body, accept="application/json")
        await accepted.finish()
        return stream, accepted

    stream, accepted = asyncio.run(run())

    assert accepted.status == 202
    assert json.loads(accepted.text)["jobId"] == stream.headers["x-job-id"]
    assert ledger.balance(alice.pk) == 99


@pytest.mark.parametrize("failing", [False, True])
def test_analyze_single_replays_its_first_response(
    alice: Account, key: str, make_session: MakeSession, failing: bool
) -> None:
    session = make_session(alice, 1)
    body = single(session)

    first = asyncio.run(analyze_single(session.pk, body, key, failing=failing, headers={"idempotency-key": "key-1"}))
    ledger.grant(account_id=alice.pk, amount=50)
    again = asyncio.run(analyze_single(session.pk, body, key, failing=None, headers={"idempotency-key": "key-1"}))

    assert (first.status, again.status) == ((422, 422) if failing else (200, 200))
    assert comparable(again) == comparable(first)
    assert json.loads(again.text).get("requestId", again.headers["x-request-id"]) == again.headers["x-request-id"]
    assert Job.objects.count() == 1


def comparable(call: Call) -> Any:
    return {**json.loads(call.text), "requestId": ""}


def test_analyze_single_after_a_timeout_returns_the_result_of_the_same_job(
    alice: Account, key: str, make_session: MakeSession, settings: Any
) -> None:
    settings.FORGE_SINGLE_WAIT_S = 0.2
    session = make_session(alice, 1)
    body = single(session)

    first = asyncio.run(analyze_single(session.pk, body, key, failing=None, headers={"idempotency-key": "key-1"}))
    job_factory.run(Job.objects.get())
    again = asyncio.run(analyze_single(session.pk, body, key, failing=None, headers={"idempotency-key": "key-1"}))

    assert (first.status, again.status) == (504, 200)
    assert json.loads(first.text)["jobId"] == json.loads(again.text)["jobId"]
    assert ledger.balance(alice.pk) == 99


def test_analyze_single_returns_422_when_cancelled(alice: Account, key: str, make_session: MakeSession) -> None:
    session = make_session(alice, 1)
    body = single(session)

    def cancel(job: Job) -> None:
        services.job_cancel(job=job)

    call = asyncio.run(analyze_single(session.pk, body, key, failing=False, run=cancel))

    assert (call.status, json.loads(call.text)["code"]) == (422, "cancelled")
    assert ledger.balance(alice.pk) == 100
