"""Readiness, metrics and logs of real processes, from the start of a stack to its end."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import analyze_body, colored_images, submit, upload
from tests.e2e.conftest import MakeKey, environment, wait_until
from tests.images import jpeg

pytestmark = pytest.mark.e2e

TRACE = "trace-of-a-test"


@dataclass
class ObservedStack:
    """A stack, the responses of its /readyz, and the key of account alice."""

    stack: Stack
    worker_port: int
    key: str = ""
    job: str = ""
    readiness: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.stack.urls[0]

    def ready(self) -> bool:
        try:
            response = httpx.get(f"{self.url}/readyz", timeout=30, trust_env=False)
        except httpx.TransportError:
            return False
        self.readiness.append(response.json())
        return response.status_code == 200

    def finished(self, http: httpx.Client) -> bool:
        return http.get(f"jobs/{self.job}").json()["finishedAt"] is not None


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, make_key: MakeKey) -> Iterator[ObservedStack]:
    """Ready, after one job of four images, of which one failed."""
    port = free_port()
    env: dict[str, str | None] = {
        "FORGE_MODELS": "scripted",
        "FORGE_SCRIPT": json.dumps({"delay_ms": 50, "fail_color": "#ff0000"}),
        "FORGE_HEARTBEAT_S": "0.5",
        "FORGE_WORKER_METRICS_PORT": str(port),
        "FORGE_LOG_FORMAT": "json",
        "FORGE_LOG_LEVEL": "DEBUG",
        "FORGE_MODEL_IDLE_S": "0.1",
        "FORGE_EXPIRY_EVERY_S": "0.5",
        "REDIS_URL": None,
    }
    with Stack(tmp_path_factory.mktemp("observed"), port=0, env=env, report=print) as stack:
        observed = ObservedStack(stack, port)
        wait_until(observed.ready, "ready", stack.poll)
        observed.key = make_key(stack.data)
        headers = {"X-API-Key": observed.key, "X-Request-Id": TRACE}
        base = f"{observed.url}/image-forge-api/v1"
        with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
            session = upload(http, [*colored_images(3), jpeg("#ff0000")])
            observed.job = submit(http, session)
            wait_until(lambda: observed.finished(http), "the end of the job", stack.poll)
            _send_the_key_in_every_place(http, observed.key, session)
        yield observed


def _send_the_key_in_every_place(http: httpx.Client, key: str, session: dict[str, Any]) -> None:
    body = analyze_body(session)
    http.get("sessions", params={"key": key, "cursor": key})
    http.get(key)
    http.get(f"jobs/{key}/events", params={"after": key})
    http.post(f"sessions/{session['sessionId']}/analyze", json={**body, "sessionId": key})
    http.post(f"sessions/{session['sessionId']}/analyze", content=f"{{{key}".encode())
    http.post("sessions/upload", files=[("images[]", (f"{key}.jpg", key.encode(), "image/jpeg"))])
    http.get("credits/balance", headers={"X-API-Key": f"{key}x", "Authorization": f"Bearer {key}", "Cookie": key})


def _metrics(url: str) -> dict[str, float]:
    response = httpx.get(f"{url}/metrics", timeout=30, trust_env=False)
    assert response.status_code == 200, response.text
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def _records(stack: Stack, process: str) -> list[dict[str, Any]]:
    lines = (stack.logs / f"{process}.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_metrics_of_a_web_process_cover_the_whole_service(observed: ObservedStack) -> None:
    wait_until(lambda: _metrics(observed.url).get("forge_stage_seconds_count decode") == 3, "the worker's heartbeat")

    found = _metrics(observed.url)

    assert found["forge_images_total succeeded"] == 3
    assert found["forge_images_total analysis_failed"] == 1
    assert (found["forge_credits_total charged"], found["forge_credits_total refunded"]) == (4, 1)
    assert found["forge_stage_seconds_sum caption"] >= 3 * 0.05
    assert found["forge_batch_images_sum"] >= 4
    assert found["forge_http_requests_total POST 202 analyze"] == 1
    assert found["forge_http_requests_total GET 404 none"] >= 1
    assert found["forge_http_response_seconds_count job"] >= 1
    assert found["forge_queue_messages"] == found["forge_images_open queued"] == 0


def test_a_worker_serves_its_own_metrics_on_its_own_port(observed: ObservedStack) -> None:
    found = _metrics(f"http://127.0.0.1:{observed.worker_port}")

    assert found["forge_stage_seconds_count decode"] == 3
    assert found["process_resident_memory_bytes"] > 0


def test_a_request_id_is_in_the_logs_of_web_and_worker(observed: ObservedStack) -> None:
    web = [record for record in _records(observed.stack, "web-1") if record.get("requestId") == TRACE]
    worker = [record for record in _records(observed.stack, "worker-1") if record.get("requestId") == TRACE]

    assert any("/analyze: 202" in record["message"] and record["jobId"] == observed.job for record in web)
    assert {record["jobId"] for record in worker} == {observed.job}
    analysed = [record for record in worker if record["message"].startswith("Analysed")]
    failed = [record for record in worker if "failed" in record["message"] and "exc_info" in record]
    assert len({record["imageId"] for record in [*analysed, *failed]}) == 4


def test_every_line_of_a_web_process_is_json(observed: ObservedStack) -> None:
    lines = (observed.stack.logs / "web-1.log").read_text().splitlines()

    assert lines
    assert [line for line in lines if not line.startswith("{")] == []


def test_no_log_contains_the_key(observed: ObservedStack) -> None:
    for log in observed.stack.logs.iterdir():
        assert observed.key not in log.read_text(errors="replace"), log
        assert observed.key[3:] not in log.read_text(errors="replace"), log


def test_idle_models_are_unloaded_and_loaded_again(observed: ObservedStack) -> None:
    """The first image came long after the start: the models were loaded again for that job."""
    messages = [record["message"] for record in _records(observed.stack, "worker-1")]

    assert any(message.startswith("The models are unloaded") for message in messages)


def test_an_expired_session_is_deleted_from_storage_and_stays_in_the_metrics(observed: ObservedStack) -> None:
    media = observed.stack.data / "media" / "sessions"
    assert [path for path in media.rglob("*") if path.is_file()]
    with closing(sqlite3.connect(observed.stack.data / "db.sqlite3", timeout=30)) as database, database:
        database.execute("UPDATE forge_session SET expires_at = '2020-01-01 00:00:00'")
        database.execute("UPDATE forge_job SET finished_at = '2020-01-01 00:00:00'")

    wait_until(lambda: not [path for path in media.rglob("*") if path.is_file()], "the sweep", observed.stack.poll)
    wait_until(lambda: _metrics(observed.url)["forge_expired_sessions_total"] == 1, "the worker's heartbeat")

    found = _metrics(observed.url)
    assert (found["forge_images_total succeeded"], found["forge_credits_total charged"]) == (3, 4)


def test_readyz_distinguishes_ready_from_no_worker_and_from_loading(observed: ObservedStack) -> None:
    assert observed.readiness[-1] == {"status": "ok"}
    observed.stack.processes["worker-1"].stop()

    assert not observed.ready()
    assert (observed.readiness[-1]["missing"], observed.readiness[-1]["loading"]) == (["worker"], False)
    assert "no worker answers" in observed.readiness[-1]["error"]

    with _worker_that_never_finishes_loading(observed.stack):
        wait_until(lambda: observed.ready() or observed.readiness[-1]["loading"], "loading")

    assert observed.readiness[-1]["missing"] == ["worker"]
    assert "a worker is loading its models" in observed.readiness[-1]["error"]


@contextmanager
def _worker_that_never_finishes_loading(stack: Stack) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "threads", "-n", "slow@%h"]
    env = {**environment(stack.data), "FORGE_SCRIPT": json.dumps({"load_ms": 3_600_000})}
    with (stack.logs / "slow.log").open("w") as log:
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()
