"""Requests as bytes, for what HTTP libraries do not send."""

import socket
from urllib.parse import urlsplit


def exchange(url: str, *pieces: bytes) -> tuple[bytes, bytes]:
    """Send the pieces on one connection; return head and body of all that came until the peer closed it."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            sock.sendall(piece)
        received = b""
        while data := sock.recv(2**16):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def request(method: str, path: str, body: bytes, *, version: str = "1.1", **headers: str) -> bytes:
    """Return a request that closes its connection unless `Connection` says otherwise."""
    sent = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body))}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
