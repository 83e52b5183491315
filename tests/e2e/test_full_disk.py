"""A disk that is full to its last block, with the database, uploads, spooled bodies, Valkey and logs on it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.audit import run_audit
from tests.e2e.client import V1, analyze, analyze_body, colored_images, submit, upload
from tests.e2e.conftest import TIMEOUT_S, MakeKey, wait_until
from tests.e2e.running_stack import filler, small_disk
from tests.images import noisy_jpeg

pytestmark = pytest.mark.e2e

MOST_JOBS = 1000  # more than SQLite's write-ahead log has room for before it must grow


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    data = tmp_path / "data"
    with small_disk(data) as mounted:
        if not mounted:
            pytest.skip("this user may not mount a tmpfs")
        (data / "spool").mkdir()
        env: dict[str, str | None] = {
            "FORGE_MODELS": "scripted", "REDIS_URL": None, "DATABASE_URL": None, "TMPDIR": str(data / "spool"),
            "FORGE_REQUESTS_PER_MINUTE": "0",
        }  # fmt: skip
        with Stack(data, port=0, env=env, report=print) as running:
            running.wait_ready(TIMEOUT_S)
            yield running


@pytest.fixture
def http(stack: Stack, make_key: MakeKey) -> Iterator[httpx.Client]:
    headers = {"X-API-Key": make_key(stack.data, credits=5000)}
    with httpx.Client(base_url=f"{stack.urls[0]}{V1}", headers=headers, timeout=90, trust_env=False) as client:
        yield client


def test_a_full_disk_is_503_and_costs_nothing(stack: Stack, http: httpx.Client) -> None:
    sessions = [upload(http, colored_images(1)) for _ in range(3)]
    media = stored(stack)
    with filler(stack.data):
        for image in (colored_images(1)[0], noisy_jpeg((2400, 1800))):  # kept in memory, and spooled to disk
            refused = http.post("sessions/upload", files=[("images[]", ("a.jpg", image, "image/jpeg"))])
            assert_full(refused)
        jobs, refused = submit_until_refused(http, sessions[0])
        assert_full(refused)
        assert stored(stack) == media

    wait_until(lambda: analyzed(http, sessions[1]), "an analysis with space again", stack.poll)
    wait_until(lambda: all(http.get(f"jobs/{job}").json()["finishedAt"] for job in jobs), "the jobs", stack.poll)
    assert http.get("credits/balance").json()["balance"] == 5000 - len(jobs) - 1
    assert analyze(http, upload(http, colored_images(2)))[-1].type == "complete"
    assert run_audit(stack.processes["web-1"].env).wrong == 0


def assert_full(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (503, "unavailable"), response.text
    assert "full" in response.json()["error"]
    assert response.headers["Retry-After"]


def submit_until_refused(http: httpx.Client, session: dict[str, object]) -> tuple[list[str], httpx.Response]:
    """Return the jobs that still fitted into the write-ahead log, and the refusal after them."""
    jobs: list[str] = []
    for _ in range(MOST_JOBS):
        response = http.post(
            f"sessions/{session['sessionId']}/analyze",
            json=analyze_body(session),
            headers={"Accept": "application/json"},
        )
        if response.status_code == 503:
            return jobs, response
        if response.status_code == 202:
            jobs.append(response.json()["jobId"])
        else:  # the image's last analysis is still running
            assert (response.status_code, response.json()["code"]) == (409, "conflict"), response.text
    raise AssertionError(f"{MOST_JOBS} jobs were accepted on a full disk")


def analyzed(http: httpx.Client, session: dict[str, object]) -> bool:
    try:
        submit(http, session)
    except AssertionError:  # 503, until each process has noticed the space
        return False
    return True


def stored(stack: Stack) -> set[Path]:
    return {path for path in (stack.data / "media").rglob("*") if path.is_file()}
