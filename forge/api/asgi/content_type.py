"""The Content-Type of requests in one form, whatever case, order and quotes the client has used (RFC 9110, 8.3)."""

from collections.abc import MutableMapping
from email.message import Message
from typing import Any

from forge.api.asgi.types import App, Receive, Send

_NAME = b"content-type"


class ContentTypeMiddleware:
    """Replace a Content-Type by its lower-case media type and its boundary, all that the parsers below it need.

    Django compares media types and names of parameters with case, and fails on a charset that it does not know.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [
                (name, canonical(value) if name.lower() == _NAME else value) for name, value in scope["headers"]
            ]
        return await self.app(scope, receive, send)


def canonical(value: bytes) -> bytes:
    message = Message()
    message["content-type"] = value.decode("latin-1")
    try:
        (media_type, _), *parameters = message.get_params(failobj=[("", "")])
    except ValueError:
        return b""
    found = [given for name, given in parameters if name.lower() == "boundary" and isinstance(given, str)]
    boundary = found[0].replace("\\", "\\\\").replace('"', '\\"') if found else None
    text = media_type.strip().lower() + (f'; boundary="{boundary}"' if boundary is not None else "")
    return text.encode("latin-1")
