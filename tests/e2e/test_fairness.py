"""Fair queue: a single image of one account beside many of another."""

import json
from typing import Any

import httpx
import pytest

from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until

pytestmark = pytest.mark.e2e

JOBS, IMAGES = 4, 12
# Batches so long that the order in which threads record their claims does not matter.
ENV: dict[str, str | None] = {"FORGE_SCRIPT": json.dumps({"delay_ms": 200}), "FORGE_BATCH_SIZE": "4"}


def test_many_images_of_one_account_do_not_delay_a_single_one_of_another(
    make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env=dict(ENV))
    stack.processes["worker-1"].stop()
    base = f"{stack.urls[0]}/image-forge-api/v1"
    alice, bob = ({"X-API-Key": make_key(stack.data, account=name)} for name in ("alice", "bob"))
    with httpx.Client(base_url=base, headers=alice, timeout=60, trust_env=False) as http:
        many = [submit(http, upload(http, colored_images(IMAGES, n * IMAGES))) for n in range(JOBS)]
    with httpx.Client(base_url=base, headers=bob, timeout=60, trust_env=False) as http:
        single = submit(http, upload(http, colored_images(1)))

    stack.processes["worker-1"].start()

    with httpx.Client(base_url=base, timeout=60, trust_env=False) as http:
        ends = [finished_at(http, job, alice, stack.poll) for job in many]
        end = finished_at(http, single, bob, stack.poll)
    # bob's task is the last of 49 on the broker, and a worker has 8 images at a time.
    assert end < min(ends)


def finished_at(http: httpx.Client, job: str, headers: dict[str, str], poll: Any) -> str:
    """Wait for the end of the job and return its time."""
    wait_until(lambda: http.get(f"jobs/{job}", headers=headers).json()["finishedAt"], f"the end of {job}", poll)
    body: dict[str, Any] = http.get(f"jobs/{job}", headers=headers).json()
    assert body["status"] == "complete"
    return str(body["finishedAt"])
