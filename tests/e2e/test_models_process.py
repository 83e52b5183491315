"""The model process dies, by SIGKILL and by an image, while its worker runs on."""

import json
import os
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import analyze, analyze_body, colored_images, parse_events, upload
from tests.e2e.conftest import MakeKey, MakeStack
from tests.images import jpeg
from workers.runtime.thread_niceness import NICENESS_STEP

pytestmark = pytest.mark.e2e

POISON_COLOR = "#ff00fe"
# Several batches after the one with the first result.
IMAGES = 24
ENV: dict[str, str | None] = {
    "FORGE_MODEL_PROCESS": "1",
    "FORGE_SCRIPT": json.dumps({"delay_ms": 400, "crash_color": POISON_COLOR}),
    "FORGE_LEASE_S": "2",
    "FORGE_HEARTBEAT_S": "0.4",
    "FORGE_RESEND_S": "1",
}


def model_process(stack: Stack) -> psutil.Process:
    (child,) = psutil.Process(stack.processes["worker-1"].pid).children()
    return child


def niceness(pid: int) -> set[int]:
    """Return the values of all threads of the process."""
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()}


def test_a_dead_model_process_is_restarted_and_only_the_crashing_image_fails(
    make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env=dict(ENV))
    worker, models = stack.processes["worker-1"].pid, model_process(stack)
    headers = {"X-API-Key": make_key(stack.data, credits=100)}
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        session = upload(http, colored_images(IMAGES))
        ends: Counter[str] = Counter()
        with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as response:
            for event in parse_events(response.iter_raw()):
                ends[event.type] += 1
                if event.type == "result" and ends["result"] == 1:
                    # With the next batch, or just before it. The worker reaps it at that batch, so that waiting for it
                    # here would wait forever where this event came late.
                    models.kill()
        assert (ends["result"], ends["error"], ends["complete"]) == (IMAGES, 0, 1)
        assert model_process(stack).pid != models.pid
        # Threads of the worker are nicer than the model process, also than a restarted one.
        assert niceness(worker) == {model_process(stack).nice(), min(model_process(stack).nice() + NICENESS_STEP, 19)}
        assert niceness(model_process(stack).pid) == {psutil.Process(worker).nice()}

        events = analyze(http, upload(http, [*colored_images(3, first=IMAGES), jpeg(POISON_COLOR)]))
        assert Counter(event.type for event in events)["result"] == 3
        (failed,) = (json.loads(event.data) for event in events if event.type == "error")
        assert failed["code"] == "analysis_crashed"
        assert http.get("credits/balance").json()["balance"] == 100 - IMAGES - 3
    assert stack.processes["worker-1"].pid == worker
