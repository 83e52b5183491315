"""Cross-origin requests (CORS) of the API, for the origins that FORGE_CORS_ORIGINS names.

In the ASGI layer, since responses outside Django (413, streams) need the headers, too: docs/decisions/0020.
"""

from collections.abc import MutableMapping
from typing import Any

from django.conf import settings

from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.middleware import REQUEST_ID_HEADER, request_id_in

_API = "/image-forge-api/"
_PREFLIGHT_SECONDS = 7200  # browsers keep it no longer
REQUEST_HEADERS = (
    "Accept", "Cache-Control", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "X-API-Key",
    "X-Request-Id",
)  # fmt: skip
RESPONSE_HEADERS = (
    "Content-Disposition", "ETag", "Location", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
    "Retry-After", "X-Job-Id", "X-Request-Id",
)  # fmt: skip
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

Headers = list[tuple[bytes, bytes]]


class CorsMiddleware:
    """Answer preflight requests, which carry no key, and let the named origins read responses.

    Credentials are not allowed: a request is authenticated by its key, never by a cookie.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not settings.FORGE_CORS_ORIGINS or not scope["path"].startswith(_API):
            return await self.app(scope, receive, send)
        received = {name.lower(): value for name, value in scope["headers"]}
        origin = received.get(b"origin", b"")
        is_allowed = origin.decode("latin-1").lower() in settings.FORGE_CORS_ORIGINS
        if is_allowed and scope["method"] == "OPTIONS" and b"access-control-request-method" in received:
            return await _send_preflight(scope, origin, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_response_headers(origin if is_allowed else None)]
            await send(message)

        return await self.app(scope, receive, send_with_headers)


def _response_headers(origin: bytes | None) -> Headers:
    headers = [(b"Vary", b"Origin")]  # of responses to other origins as well: a cache must not mix them
    if origin is not None:
        headers.append((b"Access-Control-Allow-Origin", origin))
        headers.append((b"Access-Control-Expose-Headers", ", ".join(RESPONSE_HEADERS).encode()))
    return headers


async def _send_preflight(scope: MutableMapping[str, Any], origin: bytes, send: Send) -> None:
    headers = [
        *_response_headers(origin),
        (b"Access-Control-Allow-Methods", ", ".join(_METHODS).encode()),
        (b"Access-Control-Allow-Headers", ", ".join(REQUEST_HEADERS).encode()),
        (b"Access-Control-Max-Age", str(_PREFLIGHT_SECONDS).encode()),
        (REQUEST_ID_HEADER.encode(), request_id_in(scope).encode()),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
