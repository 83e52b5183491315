"""Queues of real workers, and Celery's own tools on them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until

pytestmark = pytest.mark.e2e


def test_celery_inspect_shows_the_images_of_an_accounts_own_queue(make_stack: MakeStack, make_key: MakeKey) -> None:
    script = json.dumps({"delay_ms": 12000})
    stack = make_stack(env={"FORGE_SCRIPT": script, "FORGE_QUEUES": "gpu,images", "FORGE_BATCH_SIZE": "1"})
    env = stack.processes["worker-1"].env
    key = make_key(stack.data)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=False)
        return done.stdout

    def inspect(what: str) -> str:
        return run("celery", "-A", "config", "inspect", what, "--json", "--timeout", "10")

    code = "import django; django.setup(); from forge.models import *; print(Account.objects.update(queue='gpu'))"
    subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=env, check=True)
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        session = upload(http, colored_images(4))
        images = {image["id"] for image in session["images"]}
        job = submit(http, session)
        wait_until(lambda: _names_any(images, inspect("active")), "an active task with an image id")
        assert "workers.analyze_image" in inspect("registered")
        (queues,) = json.loads(inspect("active_queues")).values()
        assert {queue["name"] for queue in queues} == {"gpu", "images"}
        assert '"total"' in inspect("stats")
        wait_until(lambda: http.get(f"jobs/{job}").json()["status"] == "complete", "the end of the job", stack.poll)


def test_task_events_name_the_images(make_stack: MakeStack, make_key: MakeKey, tmp_path: Path) -> None:
    """Flower shows what it reads from these events: the task's id, its image's and what became of it."""
    stack = make_stack()
    env = {**(stack.processes["worker-1"].env or {}), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "celery", "-A", "config"]
    subprocess.run([*command, "control", "enable_events"], cwd=settings.BASE_DIR, env=env, check=True)
    shown = tmp_path / "events"
    with shown.open("w") as file:
        events = subprocess.Popen([*command, "events", "--dump"], cwd=settings.BASE_DIR, env=env, stdout=file)
    try:
        # The worker's heartbeats are events too.
        wait_until(lambda: "heartbeat" in shown.read_text(), "the first event")
        base, key = f"{stack.urls[0]}/image-forge-api/v1", make_key(stack.data)
        with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
            session = upload(http, colored_images(3))
            submit(http, session)
        wait_until(lambda: shown.read_text().count("task succeeded") == 3, "the end of three tasks", stack.poll)
    finally:
        events.terminate()
        events.wait()

    received = re.findall(
        r"task received: workers.analyze_image\(([-0-9a-f]{36})\) args=\W*(img_\w+)", shown.read_text()
    )
    assert {image_id for _, image_id in received} == {image["id"] for image in session["images"]}
    assert len({task_id for task_id, _ in received}) == 3


def _names_any(images: set[str], text: str) -> bool:
    return any(image in text for image in images)
