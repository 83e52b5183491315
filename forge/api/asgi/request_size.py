"""Limits of the size of request bodies and of the time they take to arrive."""

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from django.conf import settings

from forge import limits, relay
from forge.api.asgi.responses import send_error
from forge.api.asgi.routes import header, is_upload
from forge.api.asgi.types import App, Message, Receive, Send
from forge.api.authentication import key_find
from forge.api.errors import forge_error
from forge.database import DATABASE_ERRORS
from forge.errors import ForgeError, PayloadTooLarge, RequestTimeout, Unavailable

_DISCONNECT = {"type": "http.disconnect"}
_process_share = limits.ProcessShare(limits.body_capacity)


class RequestSizeMiddleware:
    """Refuse a body over its limit, or one that is too slow, before it is spooled."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body, responded = _Body(scope, receive), False

        async def send_and_note(message: Message) -> None:
            nonlocal responded
            responded = True
            await send(message)

        try:
            await body.accept(_declared(scope))
            if body.error is None:
                await self.app(scope, body.receive, send_and_note)
            if body.error is not None and not responded:
                await send_error(scope, send, body.error, drain=receive)
        finally:
            body.release()
        return None


class _Body:
    """One request's body. `error`: why it is refused; Django then receives a disconnect and sends nothing."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive) -> None:
        self.error: ForgeError | None = None
        self._scope = scope
        self._receive = receive
        self._received = 0
        self._waited_s = 0.0
        self._is_complete = False
        self._accepted = min(settings.FORGE_MAX_BYTES_WITHOUT_KEY, _limit(scope))
        self._account_id = ""

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        message = await self._receive_in_time()
        self._received += len(message.get("body", b""))
        await self.accept(self._received)
        if self.error is not None:
            return _DISCONNECT
        if not message.get("more_body"):
            self._is_complete = True
            if not header(self._scope, b"content-length"):
                # DRF takes a chunked body, which has no Content-Length, for an empty one.
                length = (b"content-length", str(self._received).encode())
                self._scope["headers"] = [*self._scope["headers"], length]
        return message

    async def accept(self, size: int) -> None:
        """Set `error` where a body of `size` bytes is too large; look up the key of one that is not small."""
        if size <= self._accepted or self.error is not None:
            return
        limit = self._accepted
        if not self._account_id and limit < _limit(self._scope):
            limit = await self._limit_of_key()
        if self.error is None and size > limit:
            sentence = f"This request may have {limit} bytes."
            if not self._account_id and limit < _limit(self._scope):
                sentence = f"A request without a valid key in X-API-Key may have {limit} bytes."
            self.error = PayloadTooLarge(sentence, limit=limit, actual=size)
        self._accepted = limit

    async def _limit_of_key(self) -> int:
        """Return the limit for the request's API key, and count the body against its account's share."""
        text = header(self._scope, b"x-api-key").decode("latin-1")
        try:
            found = await relay.run_in_log_pool(lambda: key_find(text)) if text else None
        except DATABASE_ERRORS as error:
            self.error = forge_error(error)
            return 0
        if found is None or not found.is_accepted:
            return self._accepted
        if not _process_share.take(found.account_id, self):
            self.error = Unavailable("This process receives as many large bodies as it can. Please try again.")
        self._account_id = found.account_id
        return _limit(self._scope)

    async def _receive_in_time(self) -> Message:
        """Receive within FORGE_BODY_WAIT_S, prolonged by what has arrived at FORGE_BODY_BYTES_PER_S."""
        started = time.monotonic()
        allowed = settings.FORGE_BODY_WAIT_S + self._received / settings.FORGE_BODY_BYTES_PER_S
        try:
            async with asyncio.timeout(allowed - self._waited_s):
                return await self._receive()
        except TimeoutError:
            self.error = RequestTimeout()
            return _DISCONNECT
        finally:
            self._waited_s += time.monotonic() - started

    def release(self) -> None:
        if self._account_id:
            _process_share.give_back(self._account_id, self)


def _declared(scope: MutableMapping[str, Any]) -> int:
    length = header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _limit(scope: MutableMapping[str, Any]) -> int:
    """Return the limit in bytes with a valid key: uploads carry files, other bodies are small."""
    return settings.FORGE_MAX_REQUEST_BYTES if is_upload(scope) else settings.FORGE_MAX_JSON_BYTES
