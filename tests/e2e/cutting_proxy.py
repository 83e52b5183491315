"""A proxy that breaks the first event stream after its first event."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

_RECEIVE_BYTES = 2**16


class CuttingProxy:
    """Forwards TCP connections; `cuts` counts the connections that it has broken, one at most."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname or "", address.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.cuts = 0

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                upstream = socket.create_connection(self._target)
                threading.Thread(target=self._forward, args=(client, upstream), daemon=True).start()
                threading.Thread(target=self._return, args=(upstream, client), daemon=True).start()

    def close(self) -> None:
        # A blocked accept() is not woken by close() alone.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_RECEIVE_BYTES):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _return(self, source: socket.socket, target: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError), source, target:
            while data := source.recv(_RECEIVE_BYTES):
                received += data
                end = received.find(b"\n\n", received.find(b"event: progress")) + 2
                if self.cuts == 0 and b"event: progress" in received and end > 1:
                    self.cuts += 1
                    target.sendall(received[len(received) - len(data) : end])
                    target.shutdown(socket.SHUT_RDWR)
                    source.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def cutting_proxy(target: str) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(target)
    threading.Thread(target=proxy.serve, daemon=True).start()
    yield proxy
    proxy.close()
