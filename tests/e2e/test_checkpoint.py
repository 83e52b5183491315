"""Words of a local checkpoint through the real service; its process is killed in the middle."""

from pathlib import Path

import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.test_vision_server import api, ended
from tests.workers.vision_checkpoints import save_idefics3

pytestmark = pytest.mark.e2e

IMAGES = 6


def model_processes(stack: Stack) -> list[psutil.Process]:
    """Return the model processes of the worker, the engine's first."""
    worker = psutil.Process(stack.processes["worker-1"].pid)
    found = [child for child in worker.children() if "workers.models.subprocess.server" in " ".join(child.cmdline())]
    return sorted(found, key=lambda child: child.create_time())


def test_no_image_is_lost_when_the_process_of_the_checkpoint_is_killed(
    make_stack: MakeStack, make_key: MakeKey, tmp_path: Path
) -> None:
    folder = save_idefics3(tmp_path / "tiny")
    environment = {"FORGE_MODELS": "transformers", "FORGE_CHECKPOINT": str(folder), "FORGE_PRECISION": "fp32"}
    stack = make_stack(env={**environment, "FORGE_LEASE_S": "2", "FORGE_HEARTBEAT_S": "0.2"})
    with api(stack, make_key(stack.data)) as http:
        job_id = submit(http, upload(http, colored_images(IMAGES)))
        wait_until(lambda: ended(http, job_id) >= 1, "a first image", stack.poll)
        engine, checkpoint = model_processes(stack)
        checkpoint.kill()
        wait_until(lambda: ended(http, job_id) == IMAGES, "the others", stack.poll)

        images = http.get(f"jobs/{job_id}", params={"include": "provenance"}).json()["images"]
        assert {image["status"] for image in images} == {"succeeded"}
        assert http.get("credits/balance").json()["balance"] == 1000 - IMAGES
        assert {image["provenance"]["writer"]["name"] for image in images} == {"tiny"}
        assert all(image["metadata"]["alt"] for image in images)
        assert engine.is_running()
