"""Files that are made to decode slowly hold up their sender alone, and nobody once the sender has left."""

import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.hostile.containers import jpeg_of_scans
from tests.images import jpeg

pytestmark = pytest.mark.e2e

SENDERS = 6


@pytest.fixture(scope="module")
def slow() -> bytes:
    """Return a file that costs FORGE_DECODE_SECONDS."""
    return jpeg_of_scans(6_000, 6_000, 5_000)


@pytest.fixture
def stack(make_stack: MakeStack) -> Stack:
    return make_stack(env={"FORGE_DECODE_SECONDS": "1", "FORGE_DECODE_SECONDS_PER_MINUTE": "0"})


def upload(stack: Stack, key: str, image: bytes) -> httpx.Response:
    address = f"{stack.urls[0]}/image-forge-api/v1/sessions/upload"
    files = [("images[]", ("photo.jpg", image, "image/jpeg"))]
    return httpx.post(address, files=files, headers={"X-API-Key": key}, timeout=120, trust_env=False)


def test_an_upload_passes_slow_files_of_another_account(stack: Stack, make_key: MakeKey, slow: bytes) -> None:
    key, mallorys = make_key(stack.data), make_key(stack.data, account="mallory", credits=0)
    answered: list[int] = []

    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [pool.submit(upload, stack, mallorys, slow) for _ in range(SENDERS)]
        for future in as_completed(sent):
            answered.append(future.result().status_code)
            if len(answered) == 1:  # The others are queued.
                assert upload(stack, key, jpeg()).status_code == 201
                assert sum(future.done() for future in sent) < SENDERS

    assert answered == [422] * SENDERS


def test_files_that_no_client_waits_for_are_dropped(stack: Stack, make_key: MakeKey, slow: bytes) -> None:
    key = make_key(stack.data)
    connections = [_sent(stack, key, slow, number) for number in range(3)]
    wait_until(lambda: _accepted(stack) == 3, "the requests to be under way")
    for connection in connections:
        connection.close()

    log = stack.logs / "web-1.log"
    wait_until(lambda: log.read_text().count("The client has left.") >= 2, "the end of the two that wait")
    assert upload(stack, key, jpeg()).status_code == 201
    wait_until(lambda: _accepted(stack) == 0, "their idempotency keys to be free")


def _accepted(stack: Stack) -> int:
    """Return how many requests hold an idempotency key."""
    with closing(sqlite3.connect(stack.data / "db.sqlite3")) as database:
        (count,) = database.execute("SELECT COUNT(*) FROM forge_idempotencykey").fetchone()
    return int(count)


def _sent(stack: Stack, key: str, image: bytes, number: int) -> socket.socket:
    """Return a connection over which a whole upload was sent."""
    address = urlsplit(stack.urls[0])
    part = b'--b\r\nContent-Disposition: form-data; name="images[]"; filename="a.jpg"\r\n\r\n'
    body = part + image + b"\r\n--b--\r\n"
    head = (
        f"POST /image-forge-api/v1/sessions/upload HTTP/1.1\r\nHost: {address.netloc}\r\nX-API-Key: {key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n"
        f"Idempotency-Key: key-{number}\r\n\r\n"
    )
    connection = socket.create_connection((address.hostname, address.port or 80), timeout=60)
    connection.sendall(head.encode() + body)
    return connection
