"""Each HTTP answer counted and told in one log line, also those that Django never sees or that outlive its cycle."""

import logging
import time
from typing import Any

from prometheus_client import Counter, Histogram

from forge import logs
from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.middleware import request_id_in

logger = logging.getLogger(__name__)

_ANSWERS = Counter("forge_http_requests", "HTTP answers of this process.", ["view", "method", "status"])
_SECONDS = Histogram(
    "forge_http_response_seconds",
    "From a request's arrival to the first byte of its answer.",
    ["view"],
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_ASKED_BY_MACHINES = {"healthz", "readyz", "metrics"}  # every few seconds


class AccessLogMiddleware:
    """The outermost: from here on the request has its id."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = time.perf_counter()
        logs.reset(requestId=request_id_in(scope))

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                _count(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        return await self.app(scope, receive, send_counted)


def _count(scope: Any, status: int, seconds: float) -> None:
    # What no view answered has no name of its own: there are as many addresses as callers can think of.
    view = scope.get("forge.view", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _ANSWERS.labels(view, method, status).inc()
    _SECONDS.labels(view).observe(seconds)
    level = logging.DEBUG if view in _ASKED_BY_MACHINES else logging.INFO
    # The path alone: what callers put into a query string is not ours to keep.
    logger.log(level, "%s %s: %d in %.0f ms", method, scope["path"][:200], status, seconds * 1000)
