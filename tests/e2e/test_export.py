"""Exports and archives with real workers: what a client receives, and what remains when a worker dies."""

import io
import json
import signal
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

import xmp
from forge.stack import Stack
from tests.e2e.audit import run_audit
from tests.e2e.client import StreamEvent, analyze, analyze_body, colored_images, parse_events, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.running_stack import with_environment
from tests.images import noisy_jpeg
from tests.postgres import Cluster

pytestmark = pytest.mark.e2e

CRASHING: dict[str, str | None] = {"FORGE_LEASE_S": "2", "FORGE_HEARTBEAT_S": "0.4", "FORGE_RESEND_S": "1"}


def order(session: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {**analyze_body(session), "settings": settings}


def export(
    http: httpx.Client, session: dict[str, Any], action: str = "export", headers: dict[str, str] | None = None, **s: Any
) -> list[StreamEvent]:
    """Return every event of an export, from its POST to the end of its stream."""
    path = f"sessions/{session['sessionId']}/{action}"
    with http.stream("POST", path, json=order(session, **s), headers=headers) as response:
        assert response.status_code == 200, response.read()
        return list(parse_events(response.iter_raw()))


def data(events: list[StreamEvent], type: str) -> list[Any]:
    return [json.loads(event.data) for event in events if event.type == type]


def get(http: httpx.Client, path: str) -> httpx.Response:
    return http.get(str(http.base_url.copy_with(path=path)))


def balance(http: httpx.Client) -> int:
    return int(http.get("credits/balance").json()["balance"])


def ledger_sum(http: httpx.Client) -> int:
    return sum(entry["amount"] for entry in http.get("credits/ledger?limit=100").json()["data"])


@pytest.fixture
def http(stack: Stack, make_key: MakeKey, request: Any) -> Iterator[httpx.Client]:
    """A client of an account of its own."""
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    with client_of(stack, make_key(stack.data, account=name, credits=50)) as made:
        yield made


def client_of(stack: Stack, key: str) -> httpx.Client:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    return httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False)


def test_an_export_has_the_words_of_the_analysis(http: httpx.Client) -> None:
    session = upload(http, [noisy_jpeg((900, 600)), *colored_images(2)])
    words = {event["imageId"]: event["metadata"] for event in data(analyze(http, session), "result")}

    events = export(http, session, format="webp", preset="high", responsiveSizes=[{"width": 300}, {"width": 5000}])

    [complete] = data(events, "complete")
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert sorted(event["current"] for event in data(events, "progress")) == [1, 2, 3]
    assert [one["imageId"] for one in complete["results"]] == [image["id"] for image in session["images"]]
    assert {one["imageId"]: one["variants"] for one in complete["results"]} == {
        one["imageId"]: one["variants"] for one in data(events, "result")
    }
    full, small = complete["results"][0]["variants"]
    assert (full["name"], full["width"], small["name"], small["height"]) == ("full", 900, "300w", 200)
    for one in complete["results"]:
        for variant in one["variants"]:
            answer = get(http, variant["path"])
            assert (answer.headers["content-type"], len(answer.content)) == ("image/webp", variant["size"])
            assert Image.open(io.BytesIO(answer.content)).size == (variant["width"], variant["height"])
            assert xmp.read(answer.content).words == xmp.words_of_metadata(words[one["imageId"]])
            assert variant["filename"].startswith(words[one["imageId"]]["filename"])
    assert balance(http) == ledger_sum(http) == 50 - 6

    with zipfile.ZipFile(io.BytesIO(http.get(f"jobs/{complete['jobId']}/archive").content)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(
            ["manifest.json", *(variant["filename"] for one in complete["results"] for variant in one["variants"])]
        )


def test_gone_images_fail_alone_and_are_refunded(http: httpx.Client, stack: Stack) -> None:
    session = upload(http, colored_images(3))
    gone = session["images"][1]
    (stack.data / "media" / gone["uploadPath"].lstrip("/")).unlink()

    events = export(http, session, format="jpeg")

    [error], [complete] = data(events, "error"), data(events, "complete")
    assert (error["imageId"], error["code"]) == (gone["id"], "image_gone")
    assert (complete["status"], complete["creditsRefunded"], len(complete["results"])) == ("partial", 1, 2)
    assert balance(http) == ledger_sum(http) == 48
    manifest = json.loads(zip_of(http, f"jobs/{complete['jobId']}/archive")["manifest.json"])
    assert [problem["imageId"] for problem in manifest["problems"]] == [gone["id"]]


def zip_of(http: httpx.Client, path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(http.get(path).raise_for_status().content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_sample_costs_nothing(http: httpx.Client) -> None:
    session = upload(http, colored_images(2))

    [complete] = data(export(http, session, "sample", format="avif", preset="low"), "complete")

    assert (complete["creditsCharged"], balance(http)) == (0, 50)
    answer = get(http, complete["results"][0]["variants"][0]["path"])
    assert Image.open(io.BytesIO(answer.content)).format == "AVIF"


def test_a_broken_stream_is_resumed_without_another_charge(http: httpx.Client) -> None:
    session = upload(http, colored_images(3))
    key = {"Idempotency-Key": "export-1"}
    events = export(http, session, headers=key)

    again = export(http, session, headers=key)
    rest = export(http, session, headers={"Last-Event-ID": "4"})

    assert [event.raw for event in again] == [event.raw for event in events]
    assert [event.raw for event in rest] == [event.raw for event in events[4:]]
    assert balance(http) == 47


def test_another_account_reads_no_file(http: httpx.Client, client: httpx.Client) -> None:
    session = upload(http, colored_images(1))
    [complete] = data(export(http, session), "complete")
    path = complete["results"][0]["variants"][0]["path"]

    answers = [get(client, path), client.get(f"jobs/{complete['jobId']}/archive")]
    answers += [client.get(f"sessions/{session['sessionId']}/archive")]
    for name in ("export", "sample"):
        answers.append(client.post(f"sessions/{session['sessionId']}/{name}", json=order(session)))

    assert [answer.json()["code"] for answer in answers] == ["not_found"] * 5
    assert get(http, path).status_code == 200
    assert http.delete(f"sessions/{session['sessionId']}").status_code == 204
    assert get(http, path).status_code == 404


def test_a_client_may_leave_in_the_middle_of_an_archive(http: httpx.Client, stack: Stack) -> None:
    session = upload(http, [noisy_jpeg((2500, 2000)) for _ in range(4)])
    path = f"sessions/{session['sessionId']}/archive"

    for _ in range(10):  # more than a process makes at once
        with http.stream("GET", path) as response:
            next(response.iter_raw())
    wait_for = [http.get(path) for _ in range(2)]

    assert [answer.status_code for answer in wait_for] == [200, 200]
    assert len(zip_of(http, path)) == 6


def killed(make_stack: MakeStack, make_key: MakeKey, database: str | None) -> None:
    """Let the worker die once, after it stored an image's files and before it committed them."""
    stack = make_stack(env={**CRASHING, **({"DATABASE_URL": database} if database else {})})
    key = make_key(stack.data, credits=100, database=database)
    worker = stack.processes["worker-1"]
    with client_of(stack, key) as http:
        session = upload(http, colored_images(6))
        with with_environment(worker, FORGE_FAULTS='{"between_model_and_commit": 3}', FORGE_WORKER_THREADS="2"):
            worker.restart()
            accepted = http.post(
                f"sessions/{session['sessionId']}/export",
                json=order(session, responsiveSizes=[{"width": 16}]),
                headers={"Accept": "application/json"},
            )
            wait_until(lambda: not worker.alive, "the end of the worker")
            assert worker.exit_code == -signal.SIGKILL
        worker.start()
        with http.stream("GET", f"jobs/{accepted.json()['jobId']}/events") as response:
            events = list(parse_events(response.iter_raw()))
        [complete] = data(events, "complete")
        assert data(events, "error") == []
        assert (complete["status"], len(complete["results"])) == ("complete", 6)
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert balance(http) == ledger_sum(http) == 94
        for one in complete["results"]:
            for variant in one["variants"]:
                assert len(get(http, variant["path"]).content) == variant["size"]
        # Of the other thread, a draft may be left.
        stored = list((stack.data / "media" / "sessions" / session["sessionId"]).glob("img_*"))
        assert len(stored) == 6 * 3
    audit = run_audit(stack.processes["web-1"].env)
    assert (audit.wrong, audit.attempts) == (0, 2)


def test_a_worker_killed_in_the_middle_of_an_export_loses_nothing(make_stack: MakeStack, make_key: MakeKey) -> None:
    killed(make_stack, make_key, None)


@pytest.mark.postgres
def test_a_worker_killed_on_postgresql_loses_nothing(
    make_stack: MakeStack, make_key: MakeKey, postgres: Cluster
) -> None:
    killed(make_stack, make_key, postgres.url)
