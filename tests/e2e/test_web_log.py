"""The log of a web process: one line for each request, without its query, which a caller cannot forge."""

import json

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.raw_http import exchange, request

pytestmark = pytest.mark.e2e

V1 = "/image-forge-api/v1"


def send_requests(stack: Stack, key: str) -> None:
    with httpx.Client(base_url=stack.urls[0] + V1, headers={"X-API-Key": key}, trust_env=False, timeout=60) as http:
        assert http.get("/credits/ledger?limit=3&secret=hidden").status_code == 200
        assert http.get("/jobs/job_absent?secret=hidden").status_code == 404
        assert http.post("/credits/check", json={"action": "x"}).status_code == 400
    path = f"{V1}/forged%0a2026-01-01%20ERROR%20line%1b%5b31m%c2%9b1m%e2%80%a8?secret=hidden"
    assert b" 404 " in exchange(stack.urls[0], request("GET", path, b""))[0]
    assert b" 200 " in exchange(stack.urls[0], request("GET", f"{V1}/openapi.json?last", b""))[0]


@pytest.mark.parametrize("format", ["plain", "json"])
def test_each_request_is_one_line_that_a_caller_cannot_forge(
    make_stack: MakeStack, make_key: MakeKey, format: str
) -> None:
    stack = make_stack(env={"FORGE_LOG_FORMAT": format})
    send_requests(stack, make_key(stack.data))

    log = stack.logs / "web-1.log"
    wait_until(lambda: "openapi.json: 200" in log.read_text(), "the line of the last request")
    lines = log.read_text().split("\n")
    for path in ("credits/ledger", "jobs/job_absent", "credits/check", "forged", "openapi.json"):
        assert len([line for line in lines if path in line]) == 1, path
    assert "hidden" not in log.read_text()
    assert not {char for line in lines for char in line if not char.isprintable()}
    if format == "json":
        assert all(json.loads(line)["level"] for line in lines if "forged" in line)
