"""A future of each request that is done once its client has left."""

from collections.abc import MutableMapping
from concurrent.futures import Future
from typing import Any

from rest_framework.request import Request

from forge.api.asgi.types import App, Message, Receive, Send

_SCOPE_KEY = "forge.disconnected"


class DisconnectMiddleware:
    """Note `http.disconnect`, which Django awaits while a view runs: a view's thread cannot be interrupted."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        disconnected: Future[None] = Future()
        scope[_SCOPE_KEY] = disconnected

        async def receive_and_note() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not disconnected.done():
                disconnected.set_result(None)
            return message

        return await self.app(scope, receive_and_note, send)


def disconnected_of(request: Request) -> "Future[None]":
    """Return the request's future; without an ASGI server one that is never done."""
    scope = getattr(request._request, "scope", None) or {}
    return scope.get(_SCOPE_KEY) or Future()
