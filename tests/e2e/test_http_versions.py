"""What a client offers its next hop, or an older version of HTTP, does not change a request (RFC 9110, RFC 9112)."""

import json
from typing import Any

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.client import analyze_body, colored_images, upload
from tests.e2e.raw_http import exchange, request
from tests.images import jpeg

pytestmark = pytest.mark.e2e

V1 = "/image-forge-api/v1"
H2C = {"Connection": "Upgrade, HTTP2-Settings, close", "Upgrade": "h2c", "HTTP2_Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
OFFERS: dict[str, dict[str, str]] = {
    "h2c": H2C,
    "h2c in capitals": {**H2C, "Connection": "close, UPGRADE, http2-settings", "Upgrade": "H2C"},
    "a websocket": {"Connection": "close, upgrade", "Upgrade": "websocket"},
    "TLS": {"Connection": "close, Upgrade", "Upgrade": "TLS/1.3, HTTP/1.1"},
}
CHECK = json.dumps({"action": "analyze", "imageCount": 1}).encode()


@pytest.fixture
def sent(client: httpx.Client) -> dict[str, str]:
    return {"X_API_Key": client.headers["X-API-Key"], "Content_Type": "application/json"}


def analyze_request(client: httpx.Client, **headers: str) -> bytes:
    session = upload(client, colored_images(1))
    body = json.dumps(analyze_body(session)).encode()
    return request("POST", f"{V1}/sessions/{session['sessionId']}/analyze", body, **headers)


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_to_upgrade_is_ignored(client: httpx.Client, stack: Stack, sent: dict[str, str], offer: str) -> None:
    head, body = exchange(stack.urls[0], analyze_request(client, **sent, **OFFERS[offer]))

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"event: complete" in body


def test_an_offer_may_come_in_any_pieces(client: httpx.Client, stack: Stack, sent: dict[str, str]) -> None:
    whole = request("POST", f"{V1}/credits/check", CHECK, **sent, **H2C)

    for size in (1, 7, len(whole) - 3):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert exchange(stack.urls[0], *pieces)[0].startswith(b"HTTP/1.1 200 "), size


def test_a_chunked_body_with_an_offer_is_read(client: httpx.Client, stack: Stack, sent: dict[str, str]) -> None:
    offered = request("POST", f"{V1}/credits/check", b"", **sent, **H2C, Transfer_Encoding="chunked")
    offered = offered.replace(b"Content-Length: 0\r\n", b"") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHECK), CHECK)

    assert exchange(stack.urls[0], offered)[0].startswith(b"HTTP/1.1 200 ")


def test_a_connection_is_kept_after_an_offer(client: httpx.Client, stack: Stack, sent: dict[str, str]) -> None:
    kept = {**H2C, "Connection": "Upgrade, HTTP2-Settings"}
    first = request("POST", f"{V1}/credits/check", CHECK, **sent, **kept)
    second = request("POST", f"{V1}/credits/check", CHECK, **sent)

    head, body = exchange(stack.urls[0], first + second)

    assert (head + body).count(b"HTTP/1.1 200 ") == 2


def test_http_1_0_gets_a_stream_without_chunks(client: httpx.Client, stack: Stack, sent: dict[str, str]) -> None:
    asked = analyze_request(client, **sent, Connection="keep-alive").replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)

    head, body = exchange(stack.urls[0], asked)

    assert b" 200 " in head
    assert b"transfer-encoding" not in head.lower()
    assert body.startswith(b"retry: 2000\nevent: progress\n")
    assert body.endswith(b"}\n\n")


@pytest.mark.parametrize(
    "kind",
    [
        "APPLICATION/JSON",
        "Application/Json; Charset=UTF-8",
        "application/json;charset=klingon",
        "application/json; charset*=klingon''x; x*99999=1",
    ],
)
def test_json_is_json_in_any_case_and_with_any_charset(client: httpx.Client, kind: str) -> None:
    assert client.post("credits/check", content=CHECK, headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(
    "kind",
    [
        "Multipart/Form-Data; Boundary=limit",
        'MULTIPART/FORM-DATA; charset=utf-8; BOUNDARY="limit"',
        'multipart/form-data ;boundary="limit"; charset=hex',
    ],
)
def test_a_form_is_a_form_in_any_case_and_order(client: httpx.Client, kind: str) -> None:
    part = b'--limit\r\nCONTENT-DISPOSITION: FORM-DATA; NAME="images[]"; FILENAME="a.jpg"\r\n\r\n'
    form = part + jpeg() + b"\r\n--limit--\r\n"

    response = client.post("sessions/upload", content=form, headers={"Content-Type": kind})

    assert response.status_code == 201, response.text


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("Application/JSON", True),
        ("application/json;q=0.9, text/event-stream;q=0.1", True),
        ("application/json, text/event-stream;q=0", True),
        ("application/json, text/plain, */*", True),
        ("application/json;q=0.5, text/event-stream", False),
        ("application/json, text/event-stream", False),
        ("*/*", False),
    ],
)
def test_the_accept_header_is_read_with_its_qualities(client: httpx.Client, accept: str, is_json: bool) -> None:
    session: dict[str, Any] = upload(client, colored_images(1))
    path = f"sessions/{session['sessionId']}/analyze"

    response = client.post(path, json=analyze_body(session), headers={"Accept": accept})

    assert response.status_code == (202 if is_json else 200)
