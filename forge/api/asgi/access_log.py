"""Access log and HTTP metrics of all responses, those outside Django's request cycle included."""

import logging
import time
from typing import Any

from prometheus_client import Counter, Histogram

from forge import logs
from forge.api.asgi.responses import send_error
from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.errors import forge_error
from forge.api.middleware import request_id_in

logger = logging.getLogger(__name__)

_RESPONSES = Counter("forge_http_requests", "HTTP responses of this process.", ["view", "method", "status"])
_RESPONSE_SECONDS = Histogram(
    "forge_http_response_seconds",
    "From a request's arrival to the first byte of its response.",
    ["view"],
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES = {"healthz", "readyz", "metrics"}  # requested every few seconds


class AccessLogMiddleware:
    """The outermost middleware: it gives the request its id."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()
        logs.reset(requestId=request_id_in(scope))

        responded = False

        async def send_and_record(message: Message) -> None:
            nonlocal responded
            if message["type"] == "http.response.start":
                responded = True
                _record(scope, message["status"], time.perf_counter() - started)
            await send(message)

        try:
            await self.app(scope, receive, send_and_record)
        except Exception as error:  # outside Django, whose own errors are responses: a full disk, no file handles
            logger.exception("The request failed outside Django.")
            if responded:
                raise
            await send_error(scope, send_and_record, forge_error(error), drain=receive)
        return None


def _record(scope: Any, status: int, seconds: float) -> None:
    # One label for all requests that reached no view: labels made of their paths would be unbounded.
    view = scope.get("forge.view", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _RESPONSES.labels(view, method, status).inc()
    _RESPONSE_SECONDS.labels(view).observe(seconds)
    level = logging.DEBUG if view in _PROBES else logging.INFO
    # Without the query string, which may hold private data.
    logger.log(level, "%s %s: %d in %.0f ms", method, scope["path"][:200], status, seconds * 1000)
