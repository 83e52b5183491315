"""Responses that outlive Django's request cycle, sent by the ASGI layer.

Inside the cycle a waiting response holds a thread, and a database connection where its view made a query. So the view
does all checks and hands off a responder; Django ends its cycle; then the responder sends. Event streams, of which
there are thousands, are sent by the outermost middleware: the others have then returned and hold no memory.
"""

import asyncio
from collections.abc import Awaitable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from django import http
from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request

from forge.api.asgi.types import App, Message, Receive, Send
from forge.relay import JobStream

_SCOPE_KEY = "forge.responder"
_STREAM_KEY = "forge.stream"
# What servers read of a scope while its response is sent.
_KEPT = {"type", "method", "http_version"}

JsonResponse = tuple[int, dict[str, Any], dict[str, str]]  # status, JSON object, its own headers


class Responder(Protocol):
    async def __call__(self, start: Message, send: Send) -> None:
        """Send the whole response; `start` is Django's `http.response.start`, with all its headers."""


class Slot(Protocol):
    """What a response occupies until it is sent: forge.limits.StreamSlot, or another."""

    def held(self) -> AbstractContextManager[None]: ...

    def release(self) -> None: ...


def hand_off(request: Request, responder: Responder, slot: Slot | None = None) -> None:
    """Let `responder` send the response after Django's request cycle; it then releases `slot`."""
    _scope(request)[_SCOPE_KEY] = SlotResponder(responder, slot) if slot else responder


def hand_off_stream(request: Request, stream: JobStream, slot: Slot | None = None) -> None:
    """Send `stream` as the body of the view's response, after Django's request cycle; then release `slot`."""
    _scope(request)[_STREAM_KEY] = _StreamBody(stream, slot)


def _scope(request: Request) -> MutableMapping[str, Any]:
    scope: MutableMapping[str, Any] | None = getattr(request._request, "scope", None)
    if scope is None or _SCOPE_KEY not in scope:
        raise ImproperlyConfigured("Streams need an ASGI server: run uvicorn config.asgi:application.")
    return scope


class HandoffMiddleware:
    """Run the responder that a view handed off, after Django has ended the request."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope[_SCOPE_KEY] = None
        starts: list[Message] = []

        async def send_or_hold(message: Message) -> None:
            if scope[_SCOPE_KEY] is None:
                await send(message)
            elif message["type"] == "http.response.start":
                starts.append(message)

        try:
            await self.app(scope, receive, send_or_hold)
        finally:
            # Django sends no response to a client that disconnected while the view ran.
            if not starts and isinstance(scope[_SCOPE_KEY], SlotResponder):
                scope[_SCOPE_KEY].slot.release()
        if starts:
            await _run_until_disconnect(scope[_SCOPE_KEY], starts[0], receive, send)
        return None


async def _run_until_disconnect(responder: Responder, start: Message, receive: Receive, send: Send) -> None:
    start["headers"] = _without_length(start["headers"])
    sending = asyncio.ensure_future(responder(start, send))
    disconnect = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({sending, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        for task in (sending, disconnect):
            task.cancel()
        await asyncio.gather(sending, disconnect, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _StreamBody:
    stream: JobStream
    slot: Slot | None

    async def send(self, receive: Receive, send: Send) -> None:
        async def send_frames(frames: bytes) -> None:
            await send({"type": "http.response.body", "body": frames, "more_body": True})

        disconnected = asyncio.ensure_future(_disconnected(receive))
        try:
            with self.slot.held() if self.slot else nullcontext():
                await self.stream.run(send_frames, disconnected)
            if not disconnected.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            disconnected.cancel()
            await asyncio.gather(disconnected, return_exceptions=True)


class StreamMiddleware:
    """Send the event stream that a view handed off, after all middleware below has returned."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        head, is_streamed = _StreamHead(scope, send), False
        try:
            await self.app(scope, receive, head.send)
            is_streamed = head.is_sent
        finally:
            body: _StreamBody | None = scope.pop(_STREAM_KEY, None)
            # Django sends no response to a client that disconnected while the view ran.
            if body is not None and body.slot is not None and not is_streamed:
                body.slot.release()
        if body is not None and is_streamed:
            del head
            for name in set(scope) - _KEPT:
                del scope[name]
            await body.send(receive, send)
        return


class _StreamHead:
    """Sends responses; of one whose body is a stream the head alone."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        self.is_sent = False
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200 and _STREAM_KEY in self._scope:
            self.is_sent = True
            message["headers"] = _without_length(message["headers"])
        elif self.is_sent:
            return
        await self._send(message)


def _without_length(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class JsonResponder:
    """Await `response` and send it."""

    def __init__(self, response: Awaitable[JsonResponse]) -> None:
        self.response = response

    async def __call__(self, start: Message, send: Send) -> None:
        status, content, own_headers = await self.response
        text = http.JsonResponse(content).content
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-type"]
        headers += [(b"Content-Type", b"application/json"), (b"Content-Length", str(len(text)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in own_headers.items()]
        await send({**start, "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": False})


class SlotResponder:
    """Hold a slot until the response is sent."""

    def __init__(self, responder: Responder, slot: Slot) -> None:
        self.responder = responder
        self.slot = slot

    async def __call__(self, start: Message, send: Send) -> None:
        with self.slot.held():
            await self.responder(start, send)
