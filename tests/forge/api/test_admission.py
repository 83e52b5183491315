"""Admission to Django: a bounded number of requests, deadlines, and errors outside its request cycle."""

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.files.uploadedfile import UploadedFile
from django.test import RequestFactory

from forge.accounts import key_issue
from forge.api.asgi.access_log import AccessLogMiddleware
from forge.api.asgi.admission import AdmissionMiddleware
from forge.api.asgi.request_size import RequestSizeMiddleware
from forge.api.asgi.types import App, Receive, Send
from forge.api.errors import forge_error
from forge.models import Account
from tests import images
from tests.forge.conftest import ApiClient

LAST = {"type": "http.request", "body": b"", "more_body": False}


def scope(**changes: Any) -> dict[str, Any]:
    headers = [(b"host", b"localhost")]
    return {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "raw_path": b"/x",
        "query_string": b"",
        "headers": headers,
        **changes,
    }


class Held:
    """An application whose responses wait until it is let go."""

    def __init__(self) -> None:
        self.running = self.most = 0
        self.released = asyncio.Event()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if (await receive())["type"] == "http.disconnect":
            return
        self.running += 1
        self.most = max(self.most, self.running)
        await self.released.wait()
        self.running -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def statuses(app: App, requests: int, then: Callable[[], None]) -> list[int]:
    calls = [ApplicationCommunicator(app, scope()) for _ in range(requests)]
    for call in calls:
        await call.send_input(LAST)
    await asyncio.sleep(0.05)
    then()
    return [(await call.receive_output(20))["status"] for call in calls]


def test_a_bounded_number_of_requests_runs_at_once(settings: Any) -> None:
    settings.FORGE_REQUESTS_AT_ONCE = 4

    async def run() -> tuple[list[int], int]:
        app = Held()
        found = await statuses(AdmissionMiddleware(app), 20, app.released.set)
        return found, app.most

    assert asyncio.run(run()) == ([200] * 20, 2)  # half: they have one owner


def test_a_request_that_waits_too_long_is_503(settings: Any) -> None:
    settings.FORGE_REQUESTS_AT_ONCE, settings.FORGE_REQUEST_WAIT_S = 2, 0.01

    async def run() -> list[int]:
        app = Held()
        asyncio.get_running_loop().call_later(0.5, app.released.set)
        return await statuses(AdmissionMiddleware(app), 3, lambda: None)

    assert sorted(asyncio.run(run())) == [200, 503, 503]


def test_a_client_that_is_gone_takes_no_slot(settings: Any) -> None:
    settings.FORGE_REQUESTS_AT_ONCE = 2

    async def run() -> int:
        app = Held()
        admission = AdmissionMiddleware(app)
        first, gone = (ApplicationCommunicator(admission, scope()) for _ in range(2))
        for call in (first, gone):
            await call.send_input(LAST)
        await gone.send_input({"type": "http.disconnect"})
        await gone.wait(20)
        app.released.set()
        assert (await first.receive_output(20))["status"] == 200
        return app.most

    assert asyncio.run(run()) == 1


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE])
def test_a_process_without_file_handles_answers_503(code: int) -> None:
    async def fail(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    async def run() -> tuple[int, dict[str, Any]]:
        call = ApplicationCommunicator(AccessLogMiddleware(fail), scope())
        await call.send_input(LAST)
        start = await call.receive_output(20)
        return start["status"], json.loads((await call.receive_output(20))["body"])

    status, body = asyncio.run(run())
    assert (status, body["code"]) == (503, "unavailable")
    assert forge_error(OSError(code, "x")).status == 503


def test_a_body_that_trickles_is_408(settings: Any) -> None:
    settings.FORGE_BODY_WAIT_S, settings.FORGE_BODY_BYTES_PER_S = 0.05, 10**9

    async def read(scope: Any, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def run() -> int:
        call = ApplicationCommunicator(RequestSizeMiddleware(read), scope())
        status = asyncio.ensure_future(call.receive_output(20))
        while not status.done():
            await call.send_input({"type": "http.request", "body": b"x", "more_body": True})
            await asyncio.sleep(0.01)
        await call.send_input(LAST)
        return int(status.result()["status"])

    assert asyncio.run(run()) == 408


def test_the_files_of_a_request_share_a_file_handle() -> None:
    files = [UploadedFileContent(f"{number}.jpg", os.urandom(9_000)) for number in range(100)]
    request = RequestFactory().post("/", {"images[]": [file.as_file() for file in files]})
    before = open_files()

    received: list[UploadedFile[Any]] = request.FILES.getlist("images[]")

    assert open_files() <= before + 1
    assert [file.read() for file in reversed(received)] == [file.data for file in reversed(files)]
    received[0].seek(8_990)
    assert received[0].read() == files[0].data[8_990:]
    request.close()
    assert open_files() <= before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class UploadedFileContent:
    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data

    def as_file(self) -> Any:
        from django.core.files.uploadedfile import SimpleUploadedFile

        return SimpleUploadedFile(self.name, self.data)


def test_an_upload_without_file_handles_is_503_and_keeps_nothing(
    alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("forge.sessions.upload_handler.SpooledTemporaryFile", fail)

    response = ApiClient(key_issue(account=alice)[1]).upload(("a.jpg", images.jpeg()))

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
