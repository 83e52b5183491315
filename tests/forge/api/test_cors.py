"""Pages of the origins in FORGE_CORS_ORIGINS may call the API; no other page may read a response."""

import asyncio
from typing import Any

import pytest

from tests.forge.api.asgi_client import Call

pytestmark = pytest.mark.django_db(transaction=True)

APP = "https://app.example"
EXPOSED = {
    "X-Request-Id",
    "X-Job-Id",
    "Location",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "ETag",
    "Content-Disposition",
}


@pytest.fixture(autouse=True)
def origins(settings: Any) -> None:
    settings.FORGE_CORS_ORIGINS = [APP, "http://localhost:3000"]


def call(method: str, path: str, body: bytes = b"", **headers: str) -> Call:
    made = Call(method, path, "", body, {name.replace("_", "-"): value for name, value in headers.items()})

    async def run() -> None:
        await made.start()
        await made.finish()

    asyncio.run(run())
    return made


def preflight(origin: str, path: str = "/sessions/upload") -> Call:
    headers = "x-api-key,idempotency-key"
    return call(
        "OPTIONS",
        path,
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers=headers,
    )


def words(header: str) -> set[str]:
    return {word.strip() for word in header.split(",")}


@pytest.mark.parametrize(
    "path", ["/sessions/upload", "/sessions/sess_x/analyze", "/jobs/job_x/events", "/openapi.json"]
)
@pytest.mark.parametrize("origin", [APP, "HTTPS://App.Example", "http://localhost:3000"])
def test_a_preflight_needs_no_key(origin: str, path: str) -> None:
    response = preflight(origin, path)

    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == origin
    assert {"x-api-key", "idempotency-key", "last-event-id", "content-type"} <= words(
        response.headers["access-control-allow-headers"].lower()
    )
    assert {"GET", "POST", "DELETE"} <= words(response.headers["access-control-allow-methods"])
    assert response.headers["x-request-id"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("origin", ["https://other.example", "https://app.example.evil", "http://app.example", "null"])
def test_another_origin_is_not_allowed(origin: str) -> None:
    for response in (preflight(origin), call("GET", "/sessions", origin=origin)):
        assert response.status == 401
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert "Origin" in words(response.headers["vary"])


def test_responses_outside_django_can_be_read_too(settings: Any) -> None:
    settings.FORGE_MAX_JSON_BYTES = 10
    refused = call("POST", "/credits/check", b"x" * 20, origin=APP)
    unauthorized = call("GET", "/credits/balance", origin=APP)

    for response, status in ((refused, 413), (unauthorized, 401)):
        assert response.status == status
        assert response.headers["access-control-allow-origin"] == APP
        assert words(response.headers["access-control-expose-headers"]) == EXPOSED


def test_other_methods_of_options_are_refused_as_before() -> None:
    assert call("OPTIONS", "/sessions", origin=APP).status == 401


def test_without_origins_nothing_changes(settings: Any) -> None:
    settings.FORGE_CORS_ORIGINS = []
    response = preflight(APP)

    assert response.status == 401
    assert "vary" not in response.headers or "Origin" not in response.headers["vary"]
