from typing import Any

import pytest

from forge.operations import readiness
from tests.forge.conftest import ApiClient


def test_an_unknown_path_is_a_json_404(api: ApiClient) -> None:
    for path in ("/nothing", "/sessions/a%00b", "/jobs/%2e%2e"):
        response = api.call("GET", path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_an_unknown_method_is_a_json_405(api: ApiClient) -> None:
    response = api.call("PUT", "/credits/balance")

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_an_internal_error_leaks_no_details(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("forge.selectors.ledger_of", fail)

    response = api.call("GET", "/credits/ledger")

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.content.decode()


def test_liveness_needs_no_database(db: None) -> None:
    response = ApiClient(None).get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_names_a_missing_worker(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge.operations.readiness._PING_S", 0.2)

    response = ApiClient(None).get("/readyz")

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert (response.json()["missing"], response.json()["loading"]) == (["worker"], False)
    assert "celery -A config worker" in response.json()["error"]
    assert response["Retry-After"]

    readiness.worker_loading()

    response = ApiClient(None).get("/readyz")
    assert (response.status_code, response.json()["missing"], response.json()["loading"]) == (503, ["worker"], True)
    assert "a worker is loading its models" in response.json()["error"]
