"""Limits of the request line and of the headers, and the one `Host` that a request has."""

from collections.abc import MutableMapping
from typing import Any

from forge.api.asgi.responses import send_error
from forge.api.asgi.types import App, Receive, Send
from forge.errors import ForgeError, HeadersTooLarge, InvalidRequest, RequestLineTooLong

MAX_REQUEST_LINE = 2**13
MAX_HEADERS = 2**15


class RequestHeadMiddleware:
    """Refuse long request lines and headers, and requests without one `Host` (RFC 9112, 3.2).

    Heads that never end are ended by forge/api/asgi/protocol.py.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := _error(scope)):
            return await send_error(scope, send, error, drain=receive)
        return await self.app(scope, receive, send)


def _error(scope: MutableMapping[str, Any]) -> ForgeError | None:
    target = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    line = len(scope["method"]) + target + len("  ? HTTP/1.1")
    if line > MAX_REQUEST_LINE:
        return RequestLineTooLong(limit=MAX_REQUEST_LINE, actual=line)
    lines = sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    if lines > MAX_HEADERS:
        return HeadersTooLarge(limit=MAX_HEADERS, actual=lines)
    hosts = sum(name == b"host" for name, _ in scope["headers"])
    if hosts > 1 or (not hosts and scope["http_version"] == "1.1"):
        return InvalidRequest("A request has one Host header.")
    return None
