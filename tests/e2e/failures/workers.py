import json
import re
import time
from typing import Any

import httpx

from tests.e2e.client import SentEvent, analyze_body, colors, messages, upload
from tests.e2e.running_stack import POISON, Ground, given
from tests.images import jpeg

SLOW_ALONE = {"delay_ms": 60_000}


def worker_killed_again_and_again(ground: Ground, *, times: int) -> None:
    for _ in range(times):
        ground.moves()
        victim = ground.dice.choice(ground.named("worker"))
        victim.kill()
        ground.hold(ground.dice.uniform(0.2, 1.0))
        victim.start()
        ground.hold(ground.dice.uniform(1.0, 6.0))
    ground.ready()


def no_worker_at_all(ground: Ground, *, seconds: float) -> None:
    ground.moves()
    for worker in ground.named("worker"):
        worker.kill()
        worker.terminate()  # It is not started again.
    ground.hold(seconds)
    for worker in ground.named("worker"):
        worker.start()
    ground.ready()


def worker_told_to_end(ground: Ground, *, grace: float) -> None:
    """It holds images that take much longer than its grace; another worker has them at once, at their first attempt."""
    worker = ground.process("worker-1")
    with given(worker, FORGE_SCRIPT=json.dumps(SLOW_ALONE), FORGE_WORKER_GRACE_S=f"{grace:g}"):
        worker.restart()
        ground.until(lambda: "ready." in worker.tail())
        ground.hold(2)  # Until it has taken some.
        told = time.monotonic()
        worker.terminate()
        ground.until(lambda: not worker.alive)
        ground.notes.append(f"ended {time.monotonic() - told:.1f} s after SIGTERM, grace {grace:g} s")
        assert worker.exit_code == 0, worker.describe()
        assert re.search(r"[1-9]\d* images are queued again", worker.tail()), worker.tail()
    worker.start()
    ground.ready()


def each_process_in_turn(ground: Ground) -> None:
    for prefix in ("web", "worker", "valkey"):
        for process in ground.named(prefix):
            ground.moves()
            process.restart()
            ground.ready()


def poison_image(ground: Ground) -> None:
    """One of 25 ends its worker each time; the other 24 succeed, and so does everything that was in flight with it."""
    pictures = colors(24)
    with ground.http() as http:
        session = upload(http, [*pictures[:12], jpeg(POISON), *pictures[12:]])
        started = time.monotonic()
        events = ended(ground, http, session)
    failed = {json.loads(event.data)["imageId"]: json.loads(event.data)["code"] for event in events["error"]}
    assert failed == {session["images"][12]["id"]: "analysis_crashed"}, failed
    assert len(events["result"]) == 24
    assert json.loads(events["complete"][0].data)["creditsRefunded"] == 1
    ground.notes.append(f"failed alone after {time.monotonic() - started:.0f} s")
    ground.ready()


def ended(ground: Ground, http: httpx.Client, session: dict[str, Any]) -> dict[str, list[SentEvent]]:
    """Runs a job beside the load; its events by type."""
    path = f"sessions/{session['sessionId']}/analyze"
    answer = http.post(path, json=analyze_body(session), headers={"Accept": "application/json"})
    assert answer.status_code == 202, answer.text
    job = answer.json()["jobId"]
    ground.until(lambda: http.get(f"jobs/{job}").json().get("finishedAt"))
    events = list(messages(iter([http.get(f"jobs/{job}/events").content])))
    return {kind: [event for event in events if event.type == kind] for kind in ("result", "error", "complete")}
