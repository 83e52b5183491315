import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.db import InterfaceError, connection

from config.asgi import application
from forge.accounts import account_ensure, key_issue
from forge.api.views import analyze
from forge.credits import ledger
from forge.errors import AnalysisFailed
from forge.models import Account, Job, Session
from tests.forge import job_factory
from tests.forge.conftest import V1

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> Account:
    return account_ensure(name="alice", credits=100)


@pytest.fixture
def key(alice: Account) -> str:
    return key_issue(account=alice)[1]


class Call:
    """One request to the ASGI application; its response is read message by message."""

    def __init__(
        self, method: str, path: str, key: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        path, _, query = path.partition("?")
        sent = {"x-api-key": key, "content-type": "application/json", "host": "localhost", **(headers or {})}
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": V1 + path,
            "raw_path": (V1 + path).encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "scheme": "http",
            "server": ("localhost", 80),
        }
        self.communicator = ApplicationCommunicator(application, scope)
        self.body = body
        self.text = ""

    async def start(self) -> dict[str, Any]:
        await self.communicator.send_input({"type": "http.request", "body": self.body})
        message = await self.communicator.receive_output(20)
        self.headers: dict[str, str] = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        self.status: int = message["status"]
        return dict(message)

    async def finish(self) -> str:
        more = True
        while more:
            message = await self.communicator.receive_output(20)
            self.text += message.get("body", b"").decode()
            more = message.get("more_body", False)
        await self.communicator.wait(20)
        return self.text

    async def disconnect(self) -> None:
        await self.communicator.send_input({"type": "http.disconnect"})
        await self.communicator.wait(20)


def body_for(session: Session) -> bytes:
    return json.dumps(job_factory.body_for(session)).encode()


async def work(job_id: str, *, failing: bool = False, run: Callable[[Job], None] | None = None) -> None:
    def run_here() -> None:
        try:
            job = Job.objects.get(pk=job_id)
            if run:
                run(job)
            else:
                job_factory.run(job, failing=frozenset(range(job.total)) if failing else frozenset())
        finally:
            connection.close()

    await asyncio.to_thread(run_here)


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
        await call.communicator.receive_output(20)  # retry
        assert job_id in relay.fanout.listeners_by_channel
        await call.disconnect()
        assert job_id not in relay.fanout.listeners_by_channel
        await work(job_id)
        return job_id

    job = Job.objects.get(pk=asyncio.run(run()))
    assert job.status == "complete"


def single(session: Session) -> bytes:
    return json.dumps({"sessionId": session.pk, "image": job_factory.body_for(session)["images"][0]}).encode()


async def analyze_single(
    session_id: str,
    body: bytes,
    key: str,
    *,
    failing: bool | None,
    headers: dict[str, str] | None = None,
    run: Callable[[Job], None] | None = None,
) -> Call:
    call = Call("POST", f"/sessions/{session_id}/analyze-single", key, body, headers)
    starting = asyncio.create_task(call.start())
    if failing is not None:
        while not (job := await asyncio.to_thread(_latest)):
            assert not starting.done(), await call.finish()
            await asyncio.sleep(0.02)
        await work(job, failing=failing, run=run)
    await starting
    await call.finish()
    return call


def _latest() -> str:
    try:
        job = Job.objects.first()
        return job.pk if job else ""
    finally:
        connection.close()


def test_analyze_single_waits_for_the_metadata(alice: Account, key: str, make_session: Callable[..., Session]) -> None:
    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=False))

    assert (call.status, call.headers["content-type"]) == (200, "application/json")
    content = json.loads(call.text)
    assert content["imageId"] == session.images.get().pk
    assert content["metadata"]["filename"] == "red-kettle"
    assert content["creditsRemaining"] == 99
    assert content["jobId"] == call.headers["x-job-id"]


def test_analyze_single_returns_a_failure_and_refunds_it(
    alice: Account, key: str, make_session: Callable[..., Session]
) -> None:
    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=True))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (422, AnalysisFailed.code)
    assert content["requestId"] == call.headers["x-request-id"]
    assert ledger.balance(alice.pk) == 100


def test_analyze_single_times_out_with_the_job_id_and_the_job_goes_on(
    alice: Account, key: str, make_session: Callable[..., Session], settings: Any
) -> None:
    settings.FORGE_SINGLE_WAIT_S = 0.2

    session = make_session(alice, 1)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=None))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (504, "still_running")
    job = Job.objects.get(pk=content["jobId"])
    job_factory.run(job)
    job.refresh_from_db()
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
    assert first.endswith(third.removeprefix("retry: 2000\n\n"))
    assert third.count("id:") == 3


def test_analyze_single_returns_504_when_the_database_fails_at_the_end(
    alice: Account, key: str, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise InterfaceError("connection already closed")

    session = make_session(alice, 1)
    monkeypatch.setattr(analyze, "_settled_response", away)

    call = asyncio.run(analyze_single(session.pk, single(session), key, failing=False))

    content = json.loads(call.text)
    assert (call.status, content["code"]) == (504, "still_running")
    assert content["jobId"] == call.headers["x-job-id"] == Job.objects.get().pk
    assert content["requestId"] == call.headers["x-request-id"]
