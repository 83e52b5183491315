import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from forge.accounts import key_issue
from forge.models import Account, ApiKey, Job, Session
from tests.forge import job_factory
from tests.forge.api.asgi_client import Call, body_for, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_analyze_responds_with_the_event_stream(alice: Account, key: str, make_session: Callable[..., Session]) -> None:
    session = make_session(alice, 2)
    body = body_for(session)

    async def run() -> Call:
        call = Call("POST", f"/sessions/{session.pk}/analyze", key, body)
        await call.start()
        await work(call.headers["x-job-id"])
        await call.finish()
        return call

    call = asyncio.run(run())
    assert call.status == 200
    assert call.headers["content-type"] == "text/event-stream"
    assert call.headers["cache-control"] == "no-cache"
    assert call.headers["x-accel-buffering"] == "no"
    assert call.headers["location"].endswith(f"/v1/jobs/{call.headers['x-job-id']}")
    assert call.headers["x-request-id"]
    assert "content-length" not in call.headers
    events = [line.partition(" ")[2] for line in call.text.splitlines() if line.startswith("event:")]
    assert events == ["progress", "result", "progress", "result", "complete"]


def test_a_refusal_is_an_ordinary_response(alice: Account, key: str, make_session: Callable[..., Session]) -> None:
    session = make_session(alice, 1)

    async def run() -> Call:
        call = Call("POST", f"/sessions/{session.pk}/analyze", key, b"{}", {"accept": "text/event-stream"})
        await call.start()
        await call.finish()
        return call

    call = asyncio.run(run())
    assert (call.status, call.headers["content-type"]) == (400, "application/json")
    assert json.loads(call.text)["code"] == "invalid_request"


def test_a_disconnect_ends_the_stream_and_not_the_job(
    alice: Account, key: str, make_session: Callable[..., Session]
) -> None:
    from forge import relay

    session = make_session(alice, 1)
    body = body_for(session)

    async def run() -> str:
        call = Call("POST", f"/sessions/{session.pk}/analyze", key, body)
        await call.start()
        job_id: str = call.headers["x-job-id"]
        while job_id not in relay.fanout.listeners_by_channel:
            await asyncio.sleep(0.01)
        await call.disconnect()
        assert job_id not in relay.fanout.listeners_by_channel
        await work(job_id)
        return job_id

    job = Job.objects.get(pk=asyncio.run(run()))
    assert job.status == "complete"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_request_over_the_limit_is_refused_before_it_is_spooled(
    key: str, settings: Any, declared: bool, kind: str
) -> None:
    settings.FORGE_MAX_JSON_BYTES, settings.FORGE_MAX_REQUEST_BYTES = 1000, 1500
    limit = 1000 if kind == "application/json" else 1500
    body = bytes(2000)

    async def run() -> Call:
        headers = {"content-type": kind, **({"content-length": "2000"} if declared else {})}
        call = Call("POST", "/sessions/upload", key, body, headers)
        await call.start()
        await call.finish()
        return call

    call = asyncio.run(run())
    content = json.loads(call.text)
    assert (call.status, content["code"], content["limit"]) == (413, "payload_too_large", limit)
    assert content["requestId"] == call.headers["x-request-id"]


def test_the_default_limit_admits_the_largest_request() -> None:
    full = django_settings.FORGE_MAX_IMAGES * django_settings.FORGE_MAX_IMAGE_BYTES

    assert full < django_settings.FORGE_MAX_REQUEST_BYTES < 1.01 * full


def test_several_clients_follow_the_events_of_a_running_job(
    alice: Account, key: str, make_session: Callable[..., Session]
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))

    async def run() -> list[str]:
        calls = [Call("GET", f"/jobs/{job.pk}/events?after={n}", key) for n in (0, 0, 2)]
        for call in calls:
            await call.start()
        await work(job.pk)
        return [await call.finish() for call in calls]

    first, second, third = asyncio.run(run())
    assert first == second
    assert first.endswith(third.removeprefix("retry: 2000\n"))
    assert third.count("id:") == 3


def test_a_key_made_inactive_ends_its_streams_and_not_those_of_other_keys(
    alice: Account, key: str, make_session: Callable[..., Session]
) -> None:
    job = job_factory.submit(alice, make_session(alice, 2))
    other = key_issue(account=alice)[1]

    async def run() -> list[str]:
        calls = [Call("GET", f"/jobs/{job.pk}/events", text) for text in (key, other)]
        for call in calls:
            await call.start()
        await asyncio.to_thread(deactivate, key)
        await work(job.pk)
        return [await call.finish() for call in calls]

    ended, whole = asyncio.run(run())
    assert "event: complete" not in ended
    assert "event: complete" in whole
    assert Job.objects.get(pk=job.pk).status == "complete"


def deactivate(key: str) -> None:
    try:
        ApiKey.objects.filter(hash=ApiKey.hash_of(key)).update(is_active=False)
    finally:
        connection.close()
