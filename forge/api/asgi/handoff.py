"""Answers that outlive Django's request cycle, sent by the ASGI layer.

Inside the cycle a waiting answer holds a thread, and a database connection where its view made a query. So a view
checks, refuses what is to be refused, and hands over a responder; Django ends its cycle; then the responder sends.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, MutableMapping
from contextlib import aclosing
from typing import Any, Protocol

from django.core.exceptions import ImproperlyConfigured
from django.http import JsonResponse
from rest_framework.request import Request

from forge.api.asgi.types import App, Message, Receive, Send
from forge.limits import StreamSlot

_SCOPE_KEY = "forge.responder"


class Responder(Protocol):
    async def __call__(self, start: Message, send: Send) -> None:
        """Sends the whole answer; `start` is the `http.response.start` that Django made, with all its headers."""


def hand_over(request: Request, responder: Responder, slot: StreamSlot | None = None) -> None:
    scope = getattr(request._request, "scope", None)
    if scope is None or _SCOPE_KEY not in scope:
        raise ImproperlyConfigured("Streams need an ASGI server: run uvicorn config.asgi:application.")
    scope[_SCOPE_KEY] = SlotResponder(responder, slot) if slot else responder


class HandoffMiddleware:
    """Runs the responder of a request, if its view handed one over, after Django has let go of the request."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope[_SCOPE_KEY] = None
        started: list[Message] = []

        async def send_or_keep(message: Message) -> None:
            if scope[_SCOPE_KEY] is None:
                await send(message)
            elif message["type"] == "http.response.start":
                started.append(message)

        try:
            await self.app(scope, receive, send_or_keep)
        finally:
            # A client that left while its view ran is not answered.
            if not started and isinstance(scope[_SCOPE_KEY], SlotResponder):
                scope[_SCOPE_KEY].slot.release()
        if started:
            await _run_until_disconnect(scope[_SCOPE_KEY], started[0], receive, send)
        return None


async def _run_until_disconnect(responder: Responder, start: Message, receive: Receive, send: Send) -> None:
    start["headers"] = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    answer = asyncio.ensure_future(responder(start, send))
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


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
    """Waits for `answer` and sends it as JSON under its own status."""

    def __init__(self, answer: Awaitable[tuple[int, dict[str, Any]]]) -> None:
        self.answer = answer

    async def __call__(self, start: Message, send: Send) -> None:
        status, content = await self.answer
        text = JsonResponse(content).content
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-type"]
        headers += [(b"Content-Type", b"application/json"), (b"Content-Length", str(len(text)).encode())]
        await send({**start, "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": False})


class SlotResponder:
    """Holds a seat among the account's open streams for as long as the answer is being sent."""

    def __init__(self, responder: Responder, slot: StreamSlot) -> None:
        self.responder = responder
        self.slot = slot

    async def __call__(self, start: Message, send: Send) -> None:
        with self.slot.held():
            await self.responder(start, send)
