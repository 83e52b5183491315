"""Limit of the size of request bodies."""

from collections.abc import MutableMapping
from typing import Any

from django.conf import settings
from django.http import JsonResponse

from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.errors import body
from forge.api.middleware import REQUEST_ID_HEADER, request_id_in
from forge.errors import PayloadTooLarge


class RequestSizeMiddleware:
    """Refuse a body over the limit before it is spooled, with or without a declared Content-Length."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit = _limit(headers)
        length = headers.get(b"content-length", b"0")
        declared = int(length) if length.isdigit() else 0
        if declared > limit:
            return await _refuse(scope, limit, declared, send)
        received, responded = 0, False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if b"content-length" not in headers and not message.get("more_body"):
                # DRF takes a chunked body, which has no Content-Length, for an empty one.
                scope["headers"] = [*scope["headers"], (b"content-length", str(received).encode())]
            # Ends Django's read; the 413 is sent below.
            return message if received <= limit else {"type": "http.disconnect"}

        async def send_and_note(message: Message) -> None:
            nonlocal responded
            responded = True
            await send(message)

        await self.app(scope, receive_counted, send_and_note)
        if received > limit and not responded:
            await _refuse(scope, limit, received, send)
        return None


def _limit(headers: dict[bytes, bytes]) -> int:
    """Return the limit in bytes: forms carry files, other bodies are small."""
    is_form = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
    return settings.FORGE_MAX_REQUEST_BYTES if is_form else settings.FORGE_MAX_JSON_BYTES


async def _refuse(scope: MutableMapping[str, Any], limit: int, actual: int, send: Send) -> None:
    error = PayloadTooLarge(f"This request may have {limit} bytes.", limit=limit, actual=actual)
    request_id = request_id_in(scope)
    text = JsonResponse(body(error, request_id)).content
    response_headers = [
        (b"Content-Type", b"application/json"),
        (b"Content-Length", str(len(text)).encode()),
        (b"X-Content-Type-Options", b"nosniff"),
        (REQUEST_ID_HEADER.encode(), request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": response_headers})
    await send({"type": "http.response.body", "body": text})
