import json
import re
import time
from typing import Any

import httpx

from tests.e2e.client import StreamEvent, analyze_body, colored_images, parse_events, upload
from tests.e2e.running_stack import POISON_COLOR, ScenarioContext, with_environment
from tests.images import jpeg

SLOW_SCRIPT = {"delay_ms": 60_000}


def worker_killed(context: ScenarioContext, *, times: int) -> None:
    for _ in range(times):
        context.wait_for_events()
        worker = context.rng.choice(context.processes("worker"))
        worker.kill()
        context.run_for(context.rng.uniform(0.2, 1.0))
        worker.start()
        context.run_for(context.rng.uniform(1.0, 6.0))
    context.wait_ready()


def all_workers_killed(context: ScenarioContext, *, seconds: float) -> None:
    context.wait_for_events()
    for worker in context.processes("worker"):
        worker.kill()
        worker.terminate()  # it is not restarted
    context.run_for(seconds)
    for worker in context.processes("worker"):
        worker.start()
    context.wait_ready()


def worker_terminated(context: ScenarioContext, *, grace: float) -> None:
    """Send SIGTERM to a worker whose images take much longer than its grace; another claims them at once, attempt 1."""
    worker = context.process("worker-1")
    with with_environment(worker, FORGE_SCRIPT=json.dumps(SLOW_SCRIPT), FORGE_WORKER_GRACE_S=f"{grace:g}"):
        worker.restart()
        context.wait_until(lambda: "ready." in worker.tail())
        context.run_for(2)  # until it has claimed some
        signalled = time.monotonic()
        worker.terminate()
        context.wait_until(lambda: not worker.alive)
        context.notes.append(f"ended {time.monotonic() - signalled:.1f} s after SIGTERM, grace {grace:g} s")
        assert worker.exit_code == 0, worker.describe()
        assert re.search(r"[1-9]\d* images are queued again", worker.tail()), worker.tail()
    worker.start()
    context.wait_ready()


def each_process_restarted(context: ScenarioContext) -> None:
    for prefix in ("web", "worker", "valkey"):
        for process in context.processes(prefix):
            context.wait_for_events()
            process.restart()
            context.wait_ready()


def poison_image(context: ScenarioContext) -> None:
    """One image of 25 kills its worker each time; the other 24 and all images in flight with it succeed."""
    images = colored_images(24)
    with context.http() as http:
        session = upload(http, [*images[:12], jpeg(POISON_COLOR), *images[12:]])
        started = time.monotonic()
        events = run_job(context, http, session)
    failed = {json.loads(event.data)["imageId"]: json.loads(event.data)["code"] for event in events["error"]}
    assert failed == {session["images"][12]["id"]: "analysis_crashed"}, failed
    assert len(events["result"]) == 24
    assert json.loads(events["complete"][0].data)["creditsRefunded"] == 1
    context.notes.append(f"failed alone after {time.monotonic() - started:.0f} s")
    context.wait_ready()


def run_job(context: ScenarioContext, http: httpx.Client, session: dict[str, Any]) -> dict[str, list[StreamEvent]]:
    """Run a job beside the load; return its events by type."""
    path = f"sessions/{session['sessionId']}/analyze"
    response = http.post(path, json=analyze_body(session), headers={"Accept": "application/json"})
    assert response.status_code == 202, response.text
    job = response.json()["jobId"]
    context.wait_until(lambda: http.get(f"jobs/{job}").json().get("finishedAt"))
    events = list(parse_events(iter([http.get(f"jobs/{job}/events").content])))
    return {kind: [event for event in events if event.type == kind] for kind in ("result", "error", "complete")}
