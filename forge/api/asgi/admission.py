"""Admission of requests to Django, whose request cycle holds a thread for each of them.

A bounded number runs at once, uploads apart from the others. The rest wait in the event loop, round robin by account,
and are refused when the wait is over.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.conf import settings

from forge import logs
from forge.api.asgi.responses import send_error
from forge.api.asgi.routes import header, is_upload
from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.authentication import ACCOUNT
from forge.errors import Unavailable
from forge.limits import FairSemaphore

_PROBES = {"/healthz", "/readyz", "/metrics"}
_MOST_KEYS = 10_000
# A response that is computed waits for its client without a slot; of larger ones the rest keeps it.
_BUFFER_BYTES = 2**18


class AdmissionMiddleware:
    def __init__(self, app: App) -> None:
        self.app = app
        self._requests = FairSemaphore(settings.FORGE_REQUESTS_AT_ONCE)
        self._uploads = FairSemaphore(settings.FORGE_UPLOADS_AT_ONCE)
        self._owners: OrderedDict[bytes, str] = OrderedDict()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        semaphore = self._uploads if is_upload(scope) else self._requests
        wait_s = settings.FORGE_UPLOAD_WAIT_S if is_upload(scope) else settings.FORGE_REQUEST_WAIT_S
        ticket = _Ticket(semaphore, self._owner(scope), wait_s, receive, send)
        try:
            await self.app(scope, ticket.receive, ticket.send)
        finally:
            ticket.release()
        self._remember(scope)
        if ticket.is_refused:
            error = Unavailable("The service has too many requests at once. Nothing was charged; please try again.")
            return await send_error(scope, send, error)
        return await ticket.flush()

    def _owner(self, scope: MutableMapping[str, Any]) -> str:
        """Return whose turn the request takes. Keys that no request has authenticated share one."""
        if scope["path"] in _PROBES:
            return "probe"
        return self._owners.get(_fingerprint(scope), "unknown")

    def _remember(self, scope: MutableMapping[str, Any]) -> None:
        if account_id := scope.get(ACCOUNT):
            key = _fingerprint(scope)
            self._owners[key] = account_id
            self._owners.move_to_end(key)
            if len(self._owners) > _MOST_KEYS:
                self._owners.popitem(last=False)


def _fingerprint(scope: MutableMapping[str, Any]) -> bytes:
    return hashlib.sha256(header(scope, b"x-api-key")).digest()


class _Ticket:
    """One request's slot, from the end of its body to the end of its request cycle."""

    def __init__(self, semaphore: FairSemaphore, owner: str, wait_s: float, receive: Receive, send: Send) -> None:
        self.is_refused = False
        self._semaphore = semaphore
        self._owner = owner
        self._wait_s = wait_s
        self._receive = receive
        self._send = send
        self._is_admitted = False
        self._buffer: list[Message] = []
        self._buffered = 0
        self._ids: Mapping[str, str] = {}

    async def receive(self) -> Message:
        """Wait for a slot once the body is there: Django takes a thread after the last message."""
        message = await self._receive()
        if self._is_admitted or message["type"] != "http.request" or message.get("more_body"):
            return message
        self._is_admitted = self._semaphore.try_acquire(self._owner)
        if not self._is_admitted:
            await self._wait()
        return message if self._is_admitted else {"type": "http.disconnect"}

    async def _wait(self) -> None:
        """Wait until a slot is granted, the client is gone or the time is over."""
        granted = asyncio.ensure_future(self._semaphore.acquire(self._owner))
        gone = asyncio.ensure_future(self._receive())
        try:
            done, _ = await asyncio.wait({granted, gone}, timeout=self._wait_s, return_when=asyncio.FIRST_COMPLETED)
            self.is_refused = not done
        finally:
            self._is_admitted = granted.done()
            granted.cancel()
            gone.cancel()
            await asyncio.gather(granted, gone, return_exceptions=True)

    async def send(self, message: Message) -> None:
        self._ids = logs.ids()  # Django's task has bound them; the buffer is sent by another one.
        self._buffered += len(message.get("body", b""))
        if self._buffered > _BUFFER_BYTES:
            await self.flush()
            await self._send(message)
        else:
            self._buffer.append(message)

    async def flush(self) -> None:
        logs.bind(**self._ids)
        buffer, self._buffer = self._buffer, []
        for message in buffer:
            await self._send(message)

    def release(self) -> None:
        if self._is_admitted:
            self._semaphore.release(self._owner)
            self._is_admitted = False
