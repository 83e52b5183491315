"""Uploads are checked in fair order by CPU time, and not beyond an account's budget."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from forge import limits
from forge.errors import RateLimited, Unavailable, UnreadableImage
from forge.models import Account, Session
from forge.sessions import validation
from forge.sessions.check_queue import FairExecutor, check_queue
from forge.sessions.decode_budget import DecodeBudget
from forge.sessions.validation import CheckedImage
from tests import images
from tests.forge.conftest import ApiClient

LIMIT_S = 60
THREADS = settings.FORGE_UPLOAD_CHECKS + 1


class Gate:
    """Hold an executor's threads until `open`, so that calls queue up behind it."""

    def __init__(self, queue: FairExecutor, threads: int = 1) -> None:
        self._begun, self._opened = threading.Barrier(threads + 1), threading.Event()
        self.held = [queue.submit(f"gate {number}", self._hold) for number in range(threads)]
        self._begun.wait(LIMIT_S)

    def _hold(self) -> None:
        self._begun.wait(LIMIT_S)
        self._opened.wait(LIMIT_S)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def queue() -> FairExecutor:
    return FairExecutor(threads=1, per_account=1)


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def order_of(queue: FairExecutor, calls: list[tuple[str, float]]) -> list[str]:
    """Return the accounts in the order in which calls that were queued together ran."""
    ran: list[str] = []

    def call(account: str, seconds: float) -> None:
        ran.append(account)
        burn(seconds)

    gate = Gate(queue)
    futures = [queue.submit(name, lambda name=name, cost=cost: call(name, cost)) for name, cost in calls]  # type: ignore[misc]
    gate.open()
    for future in futures:
        future.result(LIMIT_S)
    return ran


def test_many_slow_calls_of_one_account_do_not_delay_anothers(queue: FairExecutor) -> None:
    calls = [("slow", 0.05)] * 6 + [("quick", 0.0001)] * 20

    assert order_of(queue, calls) == ["slow"] + ["quick"] * 20 + ["slow"] * 5


def test_an_account_that_comes_again_keeps_the_time_it_has_used(queue: FairExecutor) -> None:
    order_of(queue, [("slow", 0.1), ("other", 0.02), ("other", 0.02)])

    assert order_of(queue, [("slow", 0.001), ("other", 0.001)]) == ["other", "slow"]


def test_idleness_saves_up_no_claim(queue: FairExecutor) -> None:
    order_of(queue, [("early", 0.001), *[("busy", 0.02)] * 5])

    calls = [*[("early", 0.03)] * 3, *[("busy", 0.03)] * 3]
    assert order_of(queue, calls)[:4].count("early") < 4


def test_an_account_leaves_a_thread_to_the_others() -> None:
    queue = FairExecutor(threads=2, per_account=1)
    slow, began = threading.Event(), threading.Event()
    held = [queue.submit("slow", lambda: (began.set(), slow.wait(LIMIT_S))) for _ in range(3)]  # type: ignore[func-returns-value]
    assert began.wait(LIMIT_S)

    assert queue.submit("other", lambda: "checked").result(LIMIT_S) == "checked"
    assert not any(future.done() for future in held)

    slow.set()
    for future in held:
        future.result(LIMIT_S)


def test_cancelled_calls_are_dropped(queue: FairExecutor) -> None:
    gate = Gate(queue)
    calls: list[Future[object]] = [queue.submit("a", object) for _ in range(5)]
    for future in calls[:4]:
        assert future.cancel()
    gate.open()

    assert calls[4].result(LIMIT_S)
    assert queue.submit("a", lambda: "next").result(LIMIT_S) == "next"


def test_an_exception_of_a_call_is_raised_where_it_is_awaited(queue: FairExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        queue.submit("a", lambda: 1 // 0).result(LIMIT_S)
    assert queue.submit("a", lambda: 1).result(LIMIT_S) == 1


# --- Uploads ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Files named slow take 50 ms of CPU and are then refused; the names of all files are recorded."""
    names: list[str | None] = []
    check = validation.image_check

    def image_check(file: Any) -> CheckedImage:
        names.append(file.name)
        if "slow" in (file.name or ""):
            burn(0.05)
            raise UnreadableImage
        return check(file)

    monkeypatch.setattr(validation, "image_check", image_check)
    return names


def files(*names: str) -> list[Any]:
    return [SimpleUploadedFile(name, images.jpeg()) for name in names]


def test_the_first_file_that_runs_out_of_time_ends_the_check(
    api: ApiClient, decodings: list[str | None], settings: Any
) -> None:
    settings.FORGE_DECODE_SECONDS = 0.04

    response = api.upload(*[(name, images.jpeg()) for name in ("a.jpg", "slow1.jpg", *["slow2.jpg"] * 20)])

    assert (response.status_code, response.json()["code"]) == (422, "unreadable_image")
    assert [file["name"] for file in response.json()["files"]] == ["slow1.jpg"]
    assert len(decodings) < 5


def test_over_the_decode_budget_uploads_are_refused_until_the_window_moves(
    api: ApiClient, bobs_api: ApiClient, alice: Account, decodings: list[str | None]
) -> None:
    alice.decode_seconds_per_minute = 1
    alice.save()
    limits.count_decoding(alice, 1.2)

    response = api.upload(("a.jpg", images.jpeg()))

    assert (response.status_code, response.json()["code"]) == (429, "rate_limited")
    assert 0 < int(response["Retry-After"]) <= 120
    assert decodings == []
    assert not Session.objects.exists()
    assert bobs_api.upload(("b.jpg", images.jpeg())).status_code == 201


def test_the_time_of_refused_files_counts(alice: Account, decodings: list[str | None]) -> None:
    alice.decode_seconds_per_minute = 1
    for _ in range(2):
        with pytest.raises(UnreadableImage):
            validation.images_check(files("slow.jpg"), account=alice)

    status = limits.decode_status(alice)
    assert status is not None
    assert 800 < status.remaining <= 900


def test_one_request_uses_at_most_a_whole_budget(
    alice: Account, decodings: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.decode_seconds_per_minute = 1
    spend = DecodeBudget.spend
    monkeypatch.setattr(DecodeBudget, "spend", lambda self, seconds: spend(self, 1.0))

    with pytest.raises(RateLimited, match="send fewer images"):
        validation.images_check(files("a.jpg", "b.jpg", "c.jpg"), account=alice)

    assert decodings == ["a.jpg"]


def test_no_budget_is_no_limit(alice: Account, decodings: list[str | None]) -> None:
    alice.decode_seconds_per_minute = 0
    limits.count_decoding(alice, 1000)

    assert len(validation.images_check(files("a.jpg"), account=alice)) == 1


def test_files_of_a_client_that_left_are_dropped(alice: Account, decodings: list[str | None]) -> None:
    left: Future[None] = Future()
    gate = Gate(check_queue, THREADS)
    raised: list[Exception] = []

    def upload() -> None:
        try:
            validation.images_check(files("a.jpg", "b.jpg"), account=alice, disconnected=left)
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    left.set_result(None)
    thread.join(LIMIT_S)
    gate.open()
    for held in gate.held:
        held.result(LIMIT_S)

    assert [type(error) for error in raised] == [Unavailable]
    assert check_queue.submit("next", lambda: list(decodings)).result(LIMIT_S) == []


def test_a_decoding_ends_when_its_client_leaves(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    left: Future[None] = Future()
    check: Callable[[Any], CheckedImage] = validation.image_check

    def leave_and_check(file: Any) -> CheckedImage:
        left.set_result(None)
        return check(file)

    monkeypatch.setattr(validation, "image_check", leave_and_check)

    with pytest.raises(Unavailable, match="client has left"):
        validation.images_check(files("a.jpg"), account=alice, disconnected=left)


def test_a_wait_that_is_too_long_is_unavailable(alice: Account, settings: Any) -> None:
    settings.FORGE_CHECK_WAIT_S = 0.01
    gate = Gate(check_queue, THREADS)

    with pytest.raises(Unavailable, match="Nothing was kept"):
        validation.images_check(files("a.jpg"), account=alice)

    gate.open()
