"""A web server and a worker with data folders of their own, as on two machines, and one bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack, SupervisedProcess
from forge.stack.commands import worker_command
from tests.e2e.client import analyze, colored_images, upload
from tests.e2e.conftest import MakeKey, wait_until
from tests.s3 import CREDENTIALS, S3Server, running_s3_server

pytestmark = pytest.mark.e2e


@pytest.fixture
def s3_server() -> Iterator[S3Server]:
    with running_s3_server() as server:
        yield server


@contextmanager
def worker_on(data: Path, stack: Stack, env: dict[str, str]) -> Iterator[None]:
    """Run a worker with a data folder of its own, and the stack's database and Redis."""
    inherited = stack.processes["web-1"].env or {}
    process = SupervisedProcess(
        "worker",
        worker_command(9),
        cwd=settings.BASE_DIR,
        env={**{name: value for name, value in inherited.items() if name != "FORGE_STORAGE_URL"}, **env,
             "FORGE_DATA": str(data)},
        log=data / "worker.log",
        grace=30.0,
    )  # fmt: skip
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.wait(30.0)
        process.stop()


def test_two_data_folders_share_a_bucket(s3_server: S3Server, tmp_path: Path, make_key: MakeKey) -> None:
    url = s3_server.make_bucket("photos")
    database = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    storage = {**CREDENTIALS, "FORGE_STORAGE_URL": url}
    env = {**storage, "DATABASE_URL": database, "FORGE_MODELS": "scripted", "FORGE_HEARTBEAT_S": "0.5"}
    web, host, other = (tmp_path / name for name in ("web", "host", "other"))
    for folder in (host, other):
        folder.mkdir()
    with Stack(web, port=0, workers=0, env={**env, "REDIS_URL": None}, report=print) as stack:
        headers = {"X-API-Key": make_key(web, credits=10, database=database)}
        base = f"{stack.urls[0]}/image-forge-api/v1"

        def missing() -> dict[str, Any]:
            try:
                response = httpx.get(f"{stack.urls[0]}/readyz", timeout=30, trust_env=False)
            except httpx.TransportError:
                return {"missing": "web"}
            return {} if response.status_code == 200 else dict(response.json())

        with (
            worker_on(host, stack, storage),
            httpx.Client(base_url=base, headers=headers, timeout=120, trust_env=False) as http,
        ):
            wait_until(lambda: not missing(), "ready", stack.poll)
            session = upload(http, colored_images(6))
            events = analyze(http, session)
            assert [event.type for event in events].count("result") == 6
            assert events[-1].type == "complete"
            assert not (web / "media").exists()
            assert not (host / "media").exists()
            assert len(list((host / "storage-cache").glob("*.copy"))) == 6

            # An object that has gone: that image fails and is refunded, the other succeeds.
            session = upload(http, colored_images(2, first=10))
            gone = session["images"][0]
            s3_server.client().delete_object(Bucket="photos", Key=f"uploads{gone['uploadPath']}")
            events = analyze(http, session)
            assert sorted(event.type for event in events) == ["complete", "error", "progress", "progress", "result"]
            failed = next(event.data for event in events if event.type == "error")
            assert b'"image_gone"' in failed
            assert gone["id"].encode() in failed
            assert http.get("credits/balance").json()["balance"] == 3

            assert http.delete(f"sessions/{session['sessionId']}").status_code == 204
            assert len(s3_server.keys("photos")) == 6

        with worker_on(other, stack, {}):  # stores in its own data folder
            wait_until(lambda: missing().get("missing") == ["storage"], "the other storage", stack.poll)
            assert "sees another storage than this web server" in missing()["error"]
            assert "FORGE_STORAGE_URL" in missing()["error"]
