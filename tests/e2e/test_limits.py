"""Limits are counted across web processes and survive the death of one."""

import time

import httpx
import pytest

from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until

pytestmark = pytest.mark.e2e

REQUESTS, STREAMS = 30, 2  # few requests a minute, but enough to poll for a free stream for ten seconds
ENV: dict[str, str | None] = {
    "FORGE_REQUESTS_PER_MINUTE": str(REQUESTS),
    "FORGE_OPEN_STREAMS": str(STREAMS),
    "FORGE_KEEPALIVE_S": "2",
}


def test_two_web_servers_share_the_counts(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack(webs=2, env=dict(ENV))
    first, second = (f"{url}/image-forge-api/v1/" for url in stack.urls)
    with httpx.Client(timeout=60, trust_env=False) as http:
        headers = {"X-API-Key": make_key(stack.data, account="alice")}
        responses = [
            http.get(f"{base}credits/balance", headers=headers) for base in (first, second) * (REQUESTS // 2 + 1)
        ]
        # All within a minute: the sliding window still counts the first ones in full.
        assert [response.status_code for response in responses].index(429) == REQUESTS
        assert int(responses[REQUESTS].headers["Retry-After"]) > 0

    stack.processes["worker-1"].stop()  # without a worker the job and its streams wait
    headers = {"X-API-Key": make_key(stack.data, account="bob")}
    with (
        httpx.Client(base_url=first, headers=headers, timeout=60, trust_env=False) as dying,
        httpx.Client(base_url=second, headers=headers, timeout=60, trust_env=False) as living,
    ):
        events = f"jobs/{submit(living, upload(living, colored_images(1)))}/events"
        with dying.stream("GET", events) as one, living.stream("GET", events) as other:
            assert (one.status_code, other.status_code) == (200, 200)
            for http in (dying, living):
                refused = http.get(events)
                assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")

            stack.processes["web-1"].kill()
            wait_until(
                lambda: opens(living, events), "the expiry of the dead process's stream", lambda: time.sleep(0.5)
            )


def opens(http: httpx.Client, events: str) -> bool:
    with http.stream("GET", events) as response:
        return response.status_code == 200
