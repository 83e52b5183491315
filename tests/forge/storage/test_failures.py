"""A store that is full, refuses, or does not answer: 503 on upload with nothing kept, in words for the operator."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from forge.credits import ledger
from forge.errors import AnalysisFailed
from forge.models import Account, Image, Session
from forge.operations import readiness, storage_check
from forge.storage import StorageUnavailable, object_read, objects_delete, s3, storage_probe
from tests.forge.conftest import ApiClient
from tests.forge.storage.conftest import use_storage
from tests.images import jpeg
from workers import tasks

Refusing = Callable[[int, str], None]


@pytest.fixture
def refusing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Refusing]:
    """Use a store that answers every request with one error of S3's protocol."""
    answer: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{answer['code']}</Code><Message>refused</Message></Error>".encode()
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

    monkeypatch.setitem(s3._CONFIG, "retries", {"mode": "standard", "total_max_attempts": 1})
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        use_storage(settings, f"s3://photos?endpoint=http://127.0.0.1:{server.server_port}&region=us-east-1")
        yield lambda status, code: answer.update(status=status, code=code)
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "said", "logged"),
    [
        (507, "InsufficientStorage", "The storage is full. Nothing was kept or charged", ""),
        (403, "QuotaExceeded", "The storage is full", ""),
        (507, "XMinioStorageFull", "The storage is full", ""),
        (403, "AccessDenied", "The storage is away. Nothing was kept", "these credentials may not do this"),
        (403, "RequestTimeTooSkewed", "The storage is away", "the clock of this machine is too far from the store's"),
        (503, "SlowDown", "The storage is away", "the store gets too many requests"),
        (404, "NoSuchBucket", "The storage is away", "there is no such bucket"),
        (500, "Odd", "The storage is away", "put_object: Odd"),
    ],
)
def test_an_upload_that_the_store_refuses_keeps_nothing(
    alice: Account, api: ApiClient, refusing: Refusing, caplog: pytest.LogCaptureFixture,
    status: int, code: str, said: str, logged: str,
) -> None:  # fmt: skip
    refusing(status, code)

    response = api.upload(("a.jpg", jpeg()), ("b.jpg", jpeg()))

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert said in response.json()["error"]
    assert "photos" not in response.json()["error"]  # the bucket is the operator's
    assert response["Retry-After"]
    assert logged in caplog.text
    assert (Session.objects.count(), Image.objects.count(), ledger.balance(alice.pk)) == (0, 0, 100)


def test_readiness_has_the_reason_in_words(db: None, refusing: Refusing) -> None:
    refusing(403, "RequestTimeTooSkewed")
    readiness.worker_alive("one")

    readiness._cache.clear()
    problem = readiness.missing()["storage"]

    assert "the storage cannot be used: the bucket photos at http://127.0.0.1:" in problem
    assert "synchronize it (NTP)" in problem


def test_missing_credentials_are_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    use_storage(settings, "s3://photos?endpoint=http://127.0.0.1:1&region=us-east-1")

    with pytest.raises(StorageUnavailable, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        storage_probe()


def test_a_store_that_is_away_is_unavailable(settings: Any, api: ApiClient) -> None:
    use_storage(settings, "s3://photos?endpoint=http://127.0.0.1:1&region=us-east-1")

    assert api.upload(("a.jpg", jpeg())).status_code == 503
    assert not objects_delete(["sessions/sess_1/img_1.jpg"] * 5000)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        object_read("sessions/sess_1/img_1.jpg")


def test_readiness_does_not_wait_for_a_store_that_hangs(
    settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_check, "_HANGS_S", 0.05)
    monkeypatch.setitem(s3._CONFIG, "read_timeout", 2.0)
    readiness.worker_alive("one")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts and never answers
        use_storage(settings, f"s3://photos?endpoint=http://127.0.0.1:{silent.getsockname()[1]}&region=us-east-1")
        check = storage_check.StorageCheck()
        first = check.read(0.05)
        assert "has not answered" in first.problem
        assert check.read(0.0) == first  # of the same probe
        problem = check.read(60.0).problem  # bounded by timeouts and attempts
        assert "does not answer (ReadTimeoutError" in problem


def test_a_worker_waits_for_a_store_that_comes_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Exception | bytes] = [*[StorageUnavailable("the bucket: no answer")] * 3, b"data"]

    def read(name: str) -> bytes:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(tasks, "object_read", read)
    monkeypatch.setattr(tasks, "_READ_RETRY_S", 0.0)

    assert tasks._read("key") == b"data"
    assert "the bucket: no answer" in caplog.text

    settings.FORGE_ANALYSIS_TIMEOUT_S = 0.0
    outcomes[:] = [StorageUnavailable("the bucket: no answer")] * 50
    with pytest.raises(AnalysisFailed, match="The storage did not answer"):
        tasks._read("key")
