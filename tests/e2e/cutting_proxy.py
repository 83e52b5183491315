"""A proxy that breaks event streams: the first one after its first event, or every one after some events."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

_RECEIVE_BYTES = 2**16


class CuttingProxy:
    """Forwards TCP connections; `cuts` counts those that it has broken, `most_cuts` at most, after `events` events."""

    def __init__(self, target: str, *, events: int = 1, most_cuts: int = 1) -> None:
        address = urlsplit(target)
        self._target = (address.hostname or "", address.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.cuts = 0
        self._events = events
        self._most_cuts = most_cuts

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
                end = self._end_of_last_event(received)
                if end and self.cuts < self._most_cuts:
                    self.cuts += 1
                    target.sendall(received[len(received) - len(data) : end])
                    target.shutdown(socket.SHUT_RDWR)
                    source.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _end_of_last_event(self, received: bytes) -> int:
        """Return where the last event that the client receives ends; 0 before that."""
        end = received.find(b"event: ")
        for _ in range(self._events):
            end = received.find(b"\n\n", end) + 2 if end >= 0 else -1
            if end < 2:
                return 0
        return end


@contextlib.contextmanager
def cutting_proxy(target: str, **options: int) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(target, **options)
    threading.Thread(target=proxy.serve, daemon=True).start()
    yield proxy
    proxy.close()
