"""Error responses that are sent outside Django's request cycle."""

import asyncio
import contextlib
from collections.abc import MutableMapping
from typing import Any

from django.http import JsonResponse

from forge.api.asgi.types import Receive, Send
from forge.api.errors import body, headers
from forge.api.middleware import REQUEST_ID_HEADER, request_id_in
from forge.errors import ForgeError

Headers = list[tuple[bytes, bytes]]

# A client that still sends its body reads the response afterwards: so much of the rest is taken and dropped.
_DRAIN_BYTES = 2**22
_DRAIN_S = 2.0


def error_response(error: ForgeError, request_id: str) -> tuple[Headers, bytes]:
    """Return headers and body of the contract's error response."""
    text = JsonResponse(body(error, request_id)).content
    own = {**headers(error), REQUEST_ID_HEADER: request_id, "X-Content-Type-Options": "nosniff"}
    sent: Headers = [(b"Content-Type", b"application/json"), (b"Content-Length", str(len(text)).encode())]
    return [*sent, *((name.encode(), value.encode()) for name, value in own.items())], text


async def send_error(
    scope: MutableMapping[str, Any], send: Send, error: ForgeError, *, drain: Receive | None = None
) -> None:
    """Send an error and, with `drain`, close the connection: the rest of the request's body is not read."""
    sent, text = error_response(error, request_id_in(scope))
    if drain is not None:
        sent.append((b"Connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": sent})
    if drain is not None:
        await send({"type": "http.response.body", "body": text, "more_body": True})
        text = b""
        await _drain(drain)
    await send({"type": "http.response.body", "body": text, "more_body": False})


async def _drain(receive: Receive) -> None:
    left = _DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    break
                left -= len(message.get("body", b""))
