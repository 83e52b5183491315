"""uvicorn's HTTP protocol for clients that offer a newer version or speak an older one: `uvicorn --http` names it.

Depends on internals of the pinned uvicorn and httptools: tests/e2e/test_http_versions.py fails when they change.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_HOP_BY_HOP = {b"upgrade", b"http2-settings"}


class HttpVersionsProtocol(HttpToolsProtocol):
    """Ignore the header `Upgrade` (RFC 9110, 7.8), and send no chunks to clients of HTTP/1.0 (RFC 9112, 6.1).

    The parser takes what follows the headers of a request with `Upgrade` for another protocol, and drops its body. So
    the headers are held back until the parser stops, and parsed again without the offer. Java's HttpClient offers `h2c`
    by default.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.parser = _request_parser(self)

    def on_headers_complete(self) -> None:
        if self._is_offer():
            return
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.send = _without_chunks(self.cycle)  # type: ignore[method-assign, assignment]

    def on_message_complete(self) -> None:
        if not self._is_offer():
            super().on_message_complete()

    def parse_without_offer(self, rest: bytes) -> None:
        """Parse the request again, on a new parser, with the bytes that follow its headers."""
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in _without_offer(self.headers)]
        self.parser = _request_parser(self)
        self.parser.feed_data(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _is_offer(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"


class _RequestParser(httptools.HttpRequestParser):
    def __init__(self, protocol: HttpVersionsProtocol) -> None:
        super().__init__(protocol)
        self._protocol = protocol

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self.get_method() == b"CONNECT":
                raise
            self._protocol.parse_without_offer(bytes(data)[offer.args[0] :])


def _without_chunks(cycle: RequestResponseCycle) -> Callable[[Any], Awaitable[None]]:
    """Return the cycle's `send` for a body of unknown length that ends with the connection."""
    send = cycle.send
    is_unframed = False

    async def send_unframed(message: Any) -> None:
        nonlocal is_unframed
        if message["type"] == "http.response.start":
            is_unframed = all(name.lower() != b"content-length" for name, _ in message.get("headers", []))
            cycle.chunked_encoding = False if is_unframed else None
        elif is_unframed:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return send_unframed


def _request_parser(protocol: HttpVersionsProtocol) -> _RequestParser:
    parser = _RequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
    return parser


def _without_offer(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    options = [option.strip() for name, value in headers if name == b"connection" for option in value.split(b",")]
    connection = b", ".join(option for option in options if option.lower() not in _HOP_BY_HOP)
    kept = [(name, value) for name, value in headers if name not in {*_HOP_BY_HOP, b"connection"}]
    return [*kept, (b"connection", connection)] if connection else kept
