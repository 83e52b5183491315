"""A proxy that passes a response on only when the server has ended it, as a buffering reverse proxy does."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

_RECEIVE_BYTES = 2**16


@contextlib.contextmanager
def buffering_proxy(target: str) -> Iterator[str]:
    """Yield the proxy's address. Headers are passed on at once, the body at its end."""
    address = urlsplit(target)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = server.accept()
                upstream = socket.create_connection((address.hostname or "", address.port or 80))
                threading.Thread(target=_forward, args=(client, upstream), daemon=True).start()
                threading.Thread(target=_return, args=(upstream, client), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_RECEIVE_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _return(source: socket.socket, target: socket.socket) -> None:
    received, sent_headers = b"", False
    with contextlib.suppress(OSError), source, target:
        while data := source.recv(_RECEIVE_BYTES):
            received += data
            head, end, body = received.partition(b"\r\n\r\n")
            if end and not sent_headers:
                target.sendall(head + end)
                received, sent_headers = body, True
        target.sendall(received)
