from pathlib import Path
from typing import Any

import pytest

from forge import redis_client
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


def ready(api: ApiClient) -> Any:
    readiness._cache.clear()
    return api.get("/readyz")


def test_readiness_names_a_missing_worker(db: None) -> None:
    response = ready(ApiClient(None))

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert (response.json()["missing"], response.json()["loading"]) == (["worker"], False)
    assert "manage.py worker" in response.json()["error"]
    assert response["Retry-After"]

    readiness.worker_loading()

    response = ready(ApiClient(None))
    assert (response.status_code, response.json()["missing"], response.json()["loading"]) == (503, ["worker"], True)
    assert "a worker is loading its models" in response.json()["error"]

    readiness.worker_loaded()

    assert ready(ApiClient(None)).json()["loading"] is False


def test_readiness_names_models_that_every_worker_waits_for(db: None) -> None:
    readiness.worker_alive("one", model_problem="the vision server does not respond")

    response = ready(ApiClient(None))
    assert (response.status_code, response.json()["missing"]) == (503, ["models"])
    assert "the vision server does not respond" in response.json()["error"]

    readiness.worker_alive("two")
    assert ready(ApiClient(None)).status_code == 200

    readiness.worker_gone("two")
    readiness.worker_alive("one")
    assert ready(ApiClient(None)).status_code == 200


def test_a_worker_is_alive_from_its_heartbeat_to_its_shutdown(db: None) -> None:
    readiness.worker_alive("one")
    readiness.worker_alive("two")
    assert ready(ApiClient(None)).status_code == 200

    readiness.worker_gone("one")
    assert ready(ApiClient(None)).status_code == 200

    readiness.worker_gone("two")
    assert ready(ApiClient(None)).json()["missing"] == ["worker"]


def test_a_worker_without_heartbeats_is_not_alive(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_ALIVE_MS", 1)
    readiness.worker_alive("killed")
    while redis_client._shared_client().exists(readiness._ALIVE_KEY):
        pass

    assert ready(ApiClient(None)).json()["missing"] == ["worker"]


def test_readiness_is_computed_once_however_many_request_it(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[dict[str, str]] = []

    def compute() -> dict[str, str]:
        computed.append({})
        return {}

    monkeypatch.setattr(readiness, "_missing", compute)
    monkeypatch.setattr(readiness, "_CACHE_S", 3600.0)

    responses = [ApiClient(None).get("/readyz") for _ in range(50)]

    assert {response.status_code for response in responses} == {200}
    assert len(computed) == 1


def test_readiness_does_not_wait_long_for_a_part_that_hangs(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_WAIT_S", 0.01)
    with readiness._cache._lock:  # another request computes it
        response = ready(ApiClient(None))

    assert (response.status_code, response.json()["missing"]) == (503, ["readiness"])


def test_readiness_names_a_storage_that_cannot_be_written(db: None, tmp_path: Path, settings: Any) -> None:
    readiness.worker_alive("one")
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"

    response = ready(ApiClient(None))

    assert (response.status_code, response.json()["missing"]) == (503, ["storage"])
