"""Responses that outlive Django's request cycle, sent by the ASGI layer.

Inside the cycle a waiting response holds a thread, and a database connection where its view made a query. So the view
does all checks and hands off a responder; Django ends its cycle; then the responder sends.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, MutableMapping
from contextlib import AbstractContextManager, aclosing
from typing import Any, Protocol

from django import http
from django.core.exceptions import ImproperlyConfigured
from rest_framework.request import Request

from forge.api.asgi.types import App, Message, Receive, Send

_SCOPE_KEY = "forge.responder"

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
    scope = getattr(request._request, "scope", None)
    if scope is None or _SCOPE_KEY not in scope:
        raise ImproperlyConfigured("Streams need an ASGI server: run uvicorn config.asgi:application.")
    scope[_SCOPE_KEY] = SlotResponder(responder, slot) if slot else responder


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
    start["headers"] = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
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


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class StreamResponder:
    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self.chunks = chunks

    async def __call__(self, start: Message, send: Send) -> None:
        await send(start)
        async with aclosing(self.chunks) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
