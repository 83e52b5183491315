"""A scripted OpenAI-compatible server: what real servers answer, also at their worst."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER: dict[str, Any] = {
    "title": "Red Bicycle at a Wall",
    "alt": "A red bicycle leaning against a brick wall",
    "caption": "A red bicycle leans against a brick wall.",
    "description": "A red bicycle leans against a wall of bricks. Its basket is empty.",
    "filename": "red-bicycle-brick-wall",
    "seoTags": ["red bicycle", "bicycle", "brick wall"],
    "kind": "photo",
    "text": "",
    "confidence": 0.9,
    "people": 0,
    "subject": "bicycle",
}
_FINISH = {"cut": "length", "filtered": "content_filter"}


def answer(**fields: Any) -> str:
    return json.dumps({**ANSWER, **fields})


@dataclass(frozen=True)
class Reply:
    """One answer: the model's `text` in a completion, or a `status` with a raw `body`."""

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    finish: str = "stop"
    wait: threading.Event | None = None

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        choice = {"message": {"content": self.text}, "finish_reason": _FINISH.get(self.finish, self.finish)}
        return json.dumps({"choices": [choice]}).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Scripted"

    def do_GET(self) -> None:
        listed = json.dumps({"data": [{"id": name} for name in self.server.models]}).encode()
        self._send(Reply(status=self.server.models_status, body=listed))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(self.server.answer(dict(self.headers.items()), body))

    def _send(self, found: Reply) -> None:
        content = found.content()
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None: ...


class Scripted(ThreadingHTTPServer):
    """`requests`: headers and body of each completion; `at_once`: those under way, and the most of them."""

    daemon_threads = True

    def __init__(
        self, reply: Callable[[int], Reply], port: int, models_status: int, models: Sequence[str] = ()
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.models_status, self.models = models_status, models
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.at_once = self.most_at_once = 0
        self._reply = reply
        self._lock = threading.Lock()
        self._connections: list[socket.socket] = []

    def answer(self, headers: dict[str, str], body: dict[str, Any]) -> Reply:
        with self._lock:
            number = len(self.requests)
            self.requests.append((headers, body))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        found = self._reply(number)
        if found.wait is not None:
            found.wait.wait(30)
        with self._lock:
            self.at_once -= 1
        return found

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def handle_error(self, *_: Any) -> None: ...  # a client that has closed its connection

    def close_all(self) -> None:
        """Stop, and break the connections that clients keep open, as a server does that ends."""
        self.shutdown()
        self.server_close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def scripted_server(
    reply: Callable[[int], Reply], port: int = 0, models_status: int = 200, models: Sequence[str] = ()
) -> Iterator[Scripted]:
    """Run a server whose n-th completion, from 0, is `reply(n)`."""
    server = Scripted(reply, port, models_status, models)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close_all()
        thread.join(10)
