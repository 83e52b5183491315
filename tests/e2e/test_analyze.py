import json
import subprocess
from collections import Counter

import httpx
import pytest
from httpx_sse import connect_sse

from forge.models import Kind
from forge.stack import Stack
from tests.e2e.client import StreamEvent, analyze_body, colored_images, parse_events, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, needs_curl
from tests.images import jpeg

pytestmark = pytest.mark.e2e

IMAGES = 20
KINDS = Counter(progress=IMAGES, result=IMAGES, complete=1)
SLOW = {"FORGE_SCRIPT": json.dumps({"delay_ms": 20, "delay_ms_per_image": 20})}


def check(events: list[StreamEvent]) -> None:
    assert [event.id for event in events] == list(range(1, 2 * IMAGES + 2))
    assert Counter(event.type for event in events) == KINDS
    assert events[-1].type == "complete"
    begun = [json.loads(event.data)["current"] for event in events if event.type == "progress"]
    assert begun == list(range(1, IMAGES + 1))
    results = [json.loads(event.data) for event in events if event.type == "result"]
    assert len({result["imageId"] for result in results}) == IMAGES
    assert len({result["metadata"]["filename"] for result in results}) == IMAGES
    assert {"kind", "confidence", "needsReview"} <= set.intersection(*map(set, results))


def test_httpx_sse_reads_each_event_of_twenty_images_once(client: httpx.Client) -> None:
    session = upload(client, colored_images(IMAGES))
    address = f"sessions/{session['sessionId']}/analyze"

    with connect_sse(client, "POST", address, json=analyze_body(session)) as source:
        assert source.response.headers["content-type"] == "text/event-stream"
        assert source.response.headers["x-job-id"].startswith("job_")
        received = [(int(event.id), event.event) for event in source.iter_sse()]

    assert [number for number, _ in received] == list(range(1, 2 * IMAGES + 2))
    assert Counter(kind for _, kind in received) == KINDS


@needs_curl
def test_curl_reads_each_event_of_twenty_images_once(client: httpx.Client, stack: Stack) -> None:
    session = upload(client, colored_images(IMAGES, 20))
    address = f"{client.base_url}sessions/{session['sessionId']}/analyze"
    headers = ["-H", f"X-API-Key: {client.headers['X-API-Key']}", "-H", "Content-Type: application/json"]

    read = subprocess.run(
        ["curl", "-sN", "--max-time", "120", *headers, "-d", json.dumps(analyze_body(session)), address],
        capture_output=True,
        check=True,
    )

    assert read.stdout.startswith(b"retry: 2000\nevent: progress\n")
    check(list(parse_events(iter([read.stdout]))))


@pytest.mark.parametrize("parameter", ["header", "query"])
def test_a_stream_resumed_after_every_third_event_has_the_same_bytes(
    make_stack: MakeStack, make_key: MakeKey, parameter: str
) -> None:
    stack = make_stack(webs=2, env=dict(SLOW))
    key = make_key(stack.data)
    clients = [
        httpx.Client(base_url=f"{url}/image-forge-api/v1", headers={"X-API-Key": key}, timeout=60, trust_env=False)
        for url in stack.urls
    ]
    job = submit(clients[0], upload(clients[0], colored_images(IMAGES)))
    joined: list[StreamEvent] = []
    breaks = 0
    while not joined or joined[-1].type != "complete":
        after = joined[-1].id if joined else 0
        position = {"headers": {"Last-Event-ID": str(after)}} if parameter == "header" else {"params": {"after": after}}
        # alternately from both web processes
        with clients[breaks % 2].stream("GET", f"jobs/{job}/events", **position) as response:
            assert response.status_code == 200
            for event in parse_events(response.iter_raw()):
                joined.append(event)
                if len(joined) % 3 == 0:
                    break
        breaks += 1

    check(joined)
    assert breaks == (2 * IMAGES + 1 + 2) // 3
    whole = clients[0].get(f"jobs/{job}/events").content
    assert whole == b"retry: 2000\n" + b"".join(event.raw for event in joined)
    assert clients[1].get(f"jobs/{job}/events", headers={"Last-Event-ID": str(joined[-1].id)}).status_code == 204
    for client in clients:
        client.close()


def test_a_failed_image_is_reported_and_refunded_and_the_others_succeed(
    make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env={"FORGE_SCRIPT": json.dumps({"fail_color": "#ff00ff"})})
    headers = {"X-API-Key": make_key(stack.data, credits=5)}
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        session = upload(http, [jpeg("#204060"), jpeg("#ff00ff"), jpeg("#608020")])
        with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as response:
            events = list(parse_events(response.iter_raw()))
        balance = http.get("credits/balance").json()["balance"]
        ledger = http.get("credits/ledger").json()["data"]
        single = http.post(
            f"sessions/{session['sessionId']}/analyze-single",
            json={"sessionId": session["sessionId"], "image": analyze_body(session)["images"][1]},
        )

    failed = [json.loads(event.data) for event in events if event.type == "error"]
    assert [(error["imageId"], error["code"]) for error in failed] == [(session["images"][1]["id"], "analysis_failed")]
    assert json.loads(events[-1].data) == {
        "jobId": failed[0]["jobId"],
        "status": "partial",
        "processed": 3,
        "total": 3,
        "succeeded": 2,
        "failed": 1,
        "creditsCharged": 3,
        "creditsRefunded": 1,
    }
    assert balance == 3 == sum(entry["amount"] for entry in ledger)
    assert (single.status_code, single.json()["code"]) == (422, "analysis_failed")


def test_analyze_single_returns_the_metadata(client: httpx.Client) -> None:
    session = upload(client, [jpeg("#a0b0c0")])
    before = client.get("credits/balance").json()["balance"]

    response = client.post(
        f"sessions/{session['sessionId']}/analyze-single",
        json={"sessionId": session["sessionId"], "image": analyze_body(session)["images"][0]},
    )

    assert response.status_code == 200
    assert response.json()["creditsRemaining"] == before - 1
    assert response.json()["metadata"]["seoTags"]
    assert response.json()["kind"] in Kind.values
    assert 0.0 <= response.json()["confidence"] <= 1.0
    assert isinstance(response.json()["needsReview"], bool)
    assert client.get(f"jobs/{response.json()['jobId']}").json()["status"] == "complete"


def test_a_refused_upload_changes_neither_files_nor_ledger(client: httpx.Client, stack: Stack) -> None:
    before = client.get("credits/ledger").json(), sorted(path for path in (stack.data / "media").rglob("*.jpg"))
    files = [("images[]", ("a.jpg", jpeg(), "image/jpeg")), ("images[]", ("b.jpg", b"no image", "image/jpeg"))]

    refused = client.post("sessions/upload", files=files)
    chunked = client.post("sessions/upload", content=(bytes(2**20) for _ in range(3)))

    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_image")
    assert (chunked.status_code, chunked.json()["code"]) == (413, "payload_too_large")
    after = client.get("credits/ledger").json(), sorted(path for path in (stack.data / "media").rglob("*.jpg"))
    assert after == before
