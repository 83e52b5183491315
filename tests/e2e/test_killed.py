"""Processes that die in the middle of a job."""

import json
from collections import Counter

import httpx
import pytest

from tests.e2e.client import SentEvent, colors, messages, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, until

pytestmark = pytest.mark.e2e

IMAGES = 24
ENV: dict[str, str | None] = {
    "FORGE_SCRIPT": json.dumps({"delay_ms": 200, "delay_ms_per_image": 50}),
    "FORGE_LEASE_S": "3",
    "FORGE_HEARTBEAT_S": "0.5",
    "FORGE_RESEND_S": "2",
}


@pytest.mark.parametrize("victim", ["worker-1", "web-1"])
def test_a_process_killed_in_the_middle_loses_and_doubles_nothing(
    make_stack: MakeStack, make_key: MakeKey, victim: str
) -> None:
    stack = make_stack(webs=2, env=dict(ENV))
    headers = {"X-API-Key": make_key(stack.data, credits=IMAGES)}
    # The second web server lives on: the first one may be the victim.
    base = f"{stack.urls[1]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        job = submit(http, upload(http, colors(IMAGES)))
        until(lambda: http.get(f"jobs/{job}").json()["processed"] >= 3, "the first images", stack.poll)

        stack.processes[victim].kill()

        told = http.get(f"jobs/{job}").json()
        assert told["processed"] < IMAGES, "the job was over before the kill"
        until(lambda: http.get(f"jobs/{job}").json()["finishedAt"], "the end of the job", stack.poll)
        with http.stream("GET", f"jobs/{job}/events") as answer:
            events: list[SentEvent] = list(messages(answer.iter_raw()))
        balance = http.get("credits/balance").json()["balance"]

    assert [event.id for event in events] == list(range(1, 2 * IMAGES + 2))
    assert Counter(event.type for event in events) == Counter(progress=IMAGES, result=IMAGES, complete=1)
    assert balance == 0
