"""The models' process killed, from outside and by a picture, under a worker that lives on."""

import json
import os
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import analyze, analyze_body, colors, messages, upload
from tests.e2e.conftest import MakeKey, MakeStack
from tests.images import jpeg
from workers.runtime.thread_niceness import NICENESS_STEP

pytestmark = pytest.mark.e2e

POISON = "#ff00fe"
ENV: dict[str, str | None] = {
    "FORGE_MODEL_PROCESS": "1",
    "FORGE_SCRIPT": json.dumps({"delay_ms": 400, "crash_color": POISON}),
    "FORGE_LEASE_S": "2",
    "FORGE_HEARTBEAT_S": "0.4",
    "FORGE_RESEND_S": "1",
}


def models_of(stack: Stack) -> psutil.Process:
    (child,) = psutil.Process(stack.processes["worker-1"].pid).children()
    return child


def niceness(pid: int) -> set[int]:
    """Of all threads of the process."""
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()}


def test_models_that_die_are_started_again_and_only_their_killer_fails(
    make_stack: MakeStack, make_key: MakeKey
) -> None:
    stack = make_stack(env=dict(ENV))
    worker, models = stack.processes["worker-1"].pid, models_of(stack)
    headers = {"X-API-Key": make_key(stack.data, credits=100)}
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as http:
        session = upload(http, colors(12))
        ends: Counter[str] = Counter()
        with http.stream("POST", f"sessions/{session['sessionId']}/analyze", json=analyze_body(session)) as answer:
            for event in messages(answer.iter_raw()):
                ends[event.type] += 1
                if event.type == "result" and models.is_running():
                    models.kill()  # The next batch is with them by now, or will be.
                    models.wait(60)
        assert (ends["result"], ends["error"], ends["complete"]) == (12, 0, 1)
        assert models_of(stack).pid != models.pid
        # What works for the models gives way to them, to those that were started later too.
        assert niceness(worker) == {models_of(stack).nice(), min(models_of(stack).nice() + NICENESS_STEP, 19)}
        assert niceness(models_of(stack).pid) == {psutil.Process(worker).nice()}

        events = analyze(http, upload(http, [*colors(3, first=20), jpeg(POISON)]))
        assert Counter(event.type for event in events)["result"] == 3
        (failed,) = (json.loads(event.data) for event in events if event.type == "error")
        assert failed["code"] == "analysis_crashed"
        assert http.get("credits/balance").json()["balance"] == 100 - 12 - 3
    assert stack.processes["worker-1"].pid == worker
