"""uvicorn's HTTP protocol with the bounds that only a connection can have: `uvicorn --http` names this class.

Depends on internals of the pinned uvicorn: tests/e2e/test_before_the_key.py fails when they change.
"""

import asyncio
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from forge.api.asgi.http_versions import HttpVersionsProtocol
from forge.errors import ForgeError, HeadersTooLarge, InvalidRequest, RequestLineTooLong, RequestTimeout, Unavailable

# Imports of Django REST framework are in the functions: uvicorn imports this module before it loads the application.


class BoundedHttpProtocol(HttpVersionsProtocol):
    """Bounds the connections of the process, the size of a request's head, and the time for a head or a response."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._in_head = False
        self._head_begun = False
        self._head_bytes = 0
        self._bodiless_bytes = 0  # since the head or the last byte of the body: of a chunk's size, or trailers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        from forge.limits import connection_capacity

        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > connection_capacity():
            # Without the wait: it would hold a file handle, of which there are few.
            self._refuse(Unavailable("This process has as many connections as it can. Please try again."), linger_s=0)

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head_timer)
        _cancel(self._send_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        from forge.api.asgi.request_head import MAX_HEADERS, MAX_REQUEST_LINE

        if self._is_refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        self._bodiless_bytes += len(data)
        super().data_received(data)
        if self._is_refused or self.transport.is_closing():
            return
        if not self._in_head and self._bodiless_bytes > MAX_HEADERS:
            self._refuse(HeadersTooLarge(limit=MAX_HEADERS, actual=self._bodiless_bytes))
        if not self._head_begun:
            return
        if len(self.url) > MAX_REQUEST_LINE:
            self._refuse(RequestLineTooLong(limit=MAX_REQUEST_LINE, actual=len(self.url)))
        elif self._head_bytes > MAX_REQUEST_LINE + MAX_HEADERS:
            self._refuse(HeadersTooLarge(limit=MAX_HEADERS, actual=self._head_bytes))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_begun = True
        if not self._in_head:  # another request on a connection that was kept alive
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        # uvicorn would add a trailer to the headers, after the checks of their size (RFC 9110, 6.5.1).
        if self._in_head:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._bodiless_bytes = 0
        super().on_body(body)

    def on_headers_complete(self) -> None:
        self._in_head = self._head_begun = False
        self._bodiless_bytes = 0
        _cancel(self._head_timer)
        super().on_headers_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        # A client that reads nothing keeps its response, or its stream, in memory.
        self._send_timer = self.loop.call_later(settings.FORGE_SEND_WAIT_S, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._send_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._refuse(InvalidRequest("This is not an HTTP/1.1 request."))

    def _expect_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._head_timer = self.loop.call_later(settings.FORGE_HEADER_WAIT_S, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._head_begun:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()

    def _refuse(self, error: ForgeError, *, linger_s: float = 1.0) -> None:
        """Respond without the application, and close."""
        from forge.api.asgi.responses import error_response
        from forge.api.middleware import request_id_for

        self._is_refused = True
        _cancel(self._head_timer)
        if self.cycle is not None and not self.cycle.response_complete:
            if self._head_begun or self.pipeline or self.cycle.response_started or not self.cycle.more_body:
                self.transport.close()  # The response of an earlier request is under way.
                return
            # The request's own body is at fault: the application receives a disconnect, and this is the response.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        headers, text = error_response(error, request_id_for(None))
        lines = [name + b": " + value + b"\r\n" for name, value in [*headers, (b"Connection", b"close")]]
        self.transport.write(STATUS_LINE[error.status] + b"".join(lines) + b"\r\n" + text)
        # Closed at once with data unread, the kernel would reset the connection, and the response may be lost.
        self.flow.pause_reading()
        self._head_timer = self.loop.call_later(linger_s, self.transport.close)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
