"""A single image of one account beside many of another, through queue and worker."""

import json
from typing import Any

import httpx
import pytest

from tests.e2e.client import colors, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, until

pytestmark = pytest.mark.e2e

JOBS, IMAGES = 4, 12
# Batches long enough that the order in which threads write down what they hold decides nothing.
ENV: dict[str, str | None] = {"FORGE_SCRIPT": json.dumps({"delay_ms": 200}), "FORGE_BATCH_SIZE": "4"}


def test_many_images_of_one_account_do_not_hold_up_another_s_single_one(
    make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env=dict(ENV))
    stack.processes["worker-1"].stop()
    base = f"{stack.urls[0]}/image-forge-api/v1"
    alice, bob = ({"X-API-Key": make_key(stack.data, account=name)} for name in ("alice", "bob"))
    with httpx.Client(base_url=base, headers=alice, timeout=60, trust_env=False) as http:
        many = [submit(http, upload(http, colors(IMAGES, n * IMAGES))) for n in range(JOBS)]
    with httpx.Client(base_url=base, headers=bob, timeout=60, trust_env=False) as http:
        single = submit(http, upload(http, colors(1)))

    stack.processes["worker-1"].start()

    with httpx.Client(base_url=base, timeout=60, trust_env=False) as http:
        ends = [ended(http, job, alice, stack.poll) for job in many]
        end = ended(http, single, bob, stack.poll)
    # bob's task is the last of 49 on the broker, and a worker has 8 images at a time.
    assert end < min(ends)


def ended(http: httpx.Client, job: str, headers: dict[str, str], poll: Any) -> str:
    """When the job ended; waits for it."""
    until(lambda: http.get(f"jobs/{job}", headers=headers).json()["finishedAt"], f"the end of {job}", poll)
    told: dict[str, Any] = http.get(f"jobs/{job}", headers=headers).json()
    assert told["status"] == "complete"
    return str(told["finishedAt"])
