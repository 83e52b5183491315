"""What a connection may send, and for how long, before its API key is known; how many may be served at once.

A real web server, since uvicorn's protocol is part of it.
"""

import json
import resource
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import analyze_body, colored_images, upload
from tests.e2e.conftest import TIMEOUT_S, MakeKey, MakeStack, wait_until
from tests.images import jpeg

pytestmark = pytest.mark.e2e

V1 = "/image-forge-api/v1"
ENV: dict[str, str | None] = {
    "FORGE_HEADER_WAIT_S": "0.5",
    "FORGE_BODY_WAIT_S": "0.5",
    "FORGE_REQUESTS_AT_ONCE": "4",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with short deadlines and few requests at once."""
    env = {"FORGE_MODELS": "scripted", "REDIS_URL": None, **ENV}
    with Stack(tmp_path_factory.mktemp("strict"), port=0, env=env, report=print) as running:
        running.wait_ready(TIMEOUT_S)
        yield running


def exchange(stack: Stack, *pieces: bytes) -> tuple[int, bytes]:
    """Send the pieces until the server responds or closes; return the status, 0 for none, and the body."""
    address = urlsplit(stack.urls[0])
    received = b""
    with socket.create_connection((address.hostname, address.port or 80), timeout=TIMEOUT_S) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            while chunk := connection.recv(2**16):
                received += chunk
        except ConnectionError:
            pass
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]).encode()


def upload_head(size: int, *lines: str) -> bytes:
    form = "Content-Type: multipart/form-data; boundary=b"
    return head("POST", f"{V1}/sessions/upload", form, f"Content-Length: {size}", *lines)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head("GET", "/healthz?" + "a" * 8000), 200),
        (head("GET", "/healthz?" + "a" * 9000), 414),
        (head("GET", "/" + "a" * 2**20), 414),
        (head("GET", "/healthz", *(f"X-{n}: {'a' * 1000}" for n in range(30))), 200),
        (head("GET", "/healthz", *(f"X-{n}: {'a' * 1000}" for n in range(40))), 431),
        (head("GET", "/healthz", f"X-A: {'a' * 2**20}"), 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (head("GET", "/healthz", "Host: localhost"), 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\nhost: localhost\r\n\r\n", 400),
    ],
)
def test_request_lines_and_headers_are_bounded(stack: Stack, request_head: bytes, status: int) -> None:
    found, body = exchange(stack, request_head)

    assert found == status
    if status != 200:
        assert {"error", "code", "requestId"} <= set(json.loads(body))


def test_headers_that_never_end_are_refused(stack: Stack) -> None:
    status, body = exchange(stack, b"GET /healthz HTTP/1.1\r\nX-A: ", *[b"a" * 2**16] * 100)

    assert status in (0, 431)  # 0: the client sends on, and its system drops what was received
    assert not body or json.loads(body)["code"] == "payload_too_large"


CHECK = b'{"action": "analyze", "imageCount": 1}'
CHUNK = b"%x\r\n%s\r\n" % (len(CHECK), CHECK)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (CHUNK + b"0\r\n\r\n", 200),
        (b"".join(b"1\r\n%c\r\n" % byte for byte in CHECK) + b"0\r\n\r\n", 200),
        (CHUNK + b"0\r\nX-API-Key: sk-false\r\nContent-Type: text/plain\r\n\r\n", 200),
        (CHUNK + b"0\r\nX-A: " + b"a" * 2**20 + b"\r\n\r\n", 431),
        (CHUNK + b"5;" + b"a" * 2**20 + b"\r\nhello\r\n0\r\n\r\n", 431),
        (CHUNK + b"zz\r\nhello\r\n0\r\n\r\n", 400),
    ],
    ids=["one chunk", "a chunk a byte", "trailers", "a trailer of 1 MB", "an extension of 1 MB", "no size"],
)
def test_what_is_between_chunks_is_bounded_and_changes_no_header(
    stack: Stack, stack_key: str, body: bytes, status: int
) -> None:
    lines = ["Transfer-Encoding: chunked", "Content-Type: application/json", f"X-API-Key: {stack_key}"]

    found, text = exchange(stack, head("POST", f"{V1}/credits/check", *lines), body)

    assert found == status, text
    if status != 200:
        assert {"error", "code", "requestId"} <= set(json.loads(text))
    assert exchange(stack, head("GET", "/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/sessions/upload", []),
        ("/sessions/upload", ["X-API-Key: sk-false"]),
        ("/nowhere", []),
        ("/credits/check", []),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_a_valid_key_is_small(stack: Stack, path: str, lines: list[str], chunked: bool) -> None:
    size = 2**17
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, bytes(size)) if chunked else bytes(size)
    form = "Content-Type: multipart/form-data; boundary=b"

    status, text = exchange(stack, head("POST", V1 + path, form, length, *lines), body)

    assert (status, json.loads(text)["limit"]) == (413, 2**16)
    assert "X-API-Key" in json.loads(text)["error"]


def test_only_uploads_may_be_large_with_a_valid_key(stack: Stack, stack_key: str) -> None:
    size = 2 * 2**20
    key = f"X-API-Key: {stack_key}"

    other = exchange(stack, head("POST", f"{V1}/nowhere", key, f"Content-Length: {size}"), bytes(size))
    form = exchange(stack, upload_head(size, key), bytes(size))

    assert (other[0], json.loads(other[1])["limit"]) == (413, 2**20)
    assert form[0] == 400  # read whole: it has no part


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 0),
        (b"GET /healthz", 408),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 408),
        (upload_head(1000), 408),
        (head("POST", f"{V1}/credits/check", "Content-Length: 1000") + b"{", 408),
    ],
    ids=["nothing", "request line", "headers", "no body", "half a body"],
)
def test_a_connection_that_stalls_is_closed(strict: Stack, sent: bytes, status: int) -> None:
    assert exchange(strict, sent)[0] == status


def test_many_requests_at_once_wait_for_few_threads(strict: Stack, make_key: MakeKey) -> None:
    """200 anonymous requests for readiness left kombu's pool empty for ever: no request was served after them."""
    web = psutil.Process(strict.processes["web-1"].pid)
    base = f"{strict.urls[0]}{V1}"
    with (
        httpx.Client(
            base_url=base, timeout=TIMEOUT_S, trust_env=False, headers={"X-API-Key": make_key(strict.data)}
        ) as http,
        ThreadPoolExecutor(200) as pool,
    ):
        session = upload(http, colored_images(1))
        before = web.num_threads()
        ready = list(pool.map(lambda _: exchange(strict, head("GET", "/readyz"))[0], range(400)))
        assert web.num_threads() < before + 20
        response = http.post(f"sessions/{session['sessionId']}/analyze", json=analyze_body(session))

    assert ready == [200] * 400
    assert "event: complete" in response.text


def test_the_limits_follow_from_the_file_handles(make_stack: MakeStack, make_key: MakeKey) -> None:
    """Where the hard limit is low, there are fewer connections and streams, refused with 503, and no 500."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        stack = make_stack(env={"FORGE_REQUESTS_AT_ONCE": "8", "FORGE_UPLOADS_AT_ONCE": "8"})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    web = psutil.Process(stack.processes["web-1"].pid)
    assert web.rlimit(psutil.RLIMIT_NOFILE)[0] == min(hard, 65_536)  # raised at the start

    web.rlimit(psutil.RLIMIT_NOFILE, (256, 256))
    key = make_key(stack.data)
    files = [("images[]", (f"{n}.jpg", jpeg(size=(2, 2)), "image/jpeg")) for n in range(100)]

    def send() -> int:
        return httpx.post(
            f"{stack.urls[0]}{V1}/sessions/upload", files=files, headers={"X-API-Key": key}, timeout=TIMEOUT_S
        ).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = {future.result() for future in [pool.submit(send) for _ in range(16)]}
    assert 201 in statuses
    assert statuses <= {201, 503}  # over the account's share of large bodies

    address = ("127.0.0.1", urlsplit(stack.urls[0]).port or 80)
    with ExitStack() as opened:
        connections = [opened.enter_context(socket.create_connection(address)) for _ in range(150)]
        refused, _, _ = select.select(connections, [], [], TIMEOUT_S)
        assert refused[0].recv(2**16).startswith(b"HTTP/1.1 503 ")
    wait_until(lambda: exchange(stack, head("GET", "/healthz"))[0] == 200, "the end of the connections")
