"""Uploads on one host, analyses on others, streams from a third through the proxy; hosts that leave and return."""

import json

import pytest

from tests.e2e.client import StreamEvent, analyze_body, colored_images, parse_events, upload
from tests.e2e.conftest import wait_until
from tests.hosts.deployment import Deployment

pytestmark = pytest.mark.e2e

IMAGES = 60


def test_an_image_is_uploaded_analysed_and_streamed_by_different_hosts(deployment: Deployment, key: str) -> None:
    wait_until(lambda: deployment.workers_alive() == 3, "three workers")
    first, second = deployment.webs
    with deployment.direct(first, key) as http:
        session = upload(http, colored_images(IMAGES))
        headers = {"Accept": "application/json"}
        accepted = http.post(f"sessions/{session['sessionId']}/analyze", json=analyze_body(session), headers=headers)
        job = accepted.json()["jobId"]

    events, seen_first = read_from(deployment, key, second.address, job)

    assert seen_first["status"] == "running", "the first result came when all was done: something buffers the stream"
    assert [event.id for event in events] == list(range(1, 2 * IMAGES + 2))
    assert json.loads(events[-1].data)["succeeded"] == IMAGES
    assert sum(deployment.analysed(host) > 0 for host in deployment.workers) >= 2
    assert deployment.audit().wrong == 0


def read_from(deployment: Deployment, key: str, address: str, job: str) -> tuple[list[StreamEvent], dict[str, str]]:
    """Read a job's stream through the proxy, from this web host; return its events and the job at its first result."""
    seen: dict[str, str] = {}
    events = []
    with deployment.through_proxy(key) as http:
        for _ in range(10):  # nginx takes the web hosts in turn
            with http.stream("GET", f"jobs/{job}/events") as response:
                if response.headers.get("X-Upstream") != f"{address}:8000":
                    continue
                for event in parse_events(response.iter_raw()):
                    events.append(event)
                    if event.type == "result" and not seen:
                        seen = http.get(f"jobs/{job}").json()
                return events, seen
    raise AssertionError(f"the proxy never chose {address}")
