"""A client of the ASGI application, which receives responses message by message."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.db import connection

from config.asgi import application
from forge.models import Job, Session
from tests.forge import job_factory
from tests.forge.conftest import V1


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
