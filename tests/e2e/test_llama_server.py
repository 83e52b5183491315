"""200 images through llama.cpp's own server, which is killed in the middle and started again.

Runs where xllamacpp and gguf are installed: `pip install xllamacpp gguf`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from forge.stack.ports import free_port
from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.test_vision_server import api, ended, environment
from tests.llama_server import NAME
from workers.models.vision_server.check import checks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        find_spec("xllamacpp") is None or find_spec("gguf") is None, reason="needs the packages xllamacpp and gguf"
    ),
]
IMAGES_OF_A_JOB, JOBS = 100, 2


@contextmanager
def llama(port: int, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.llama_server", str(port), str(folder)]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(command, cwd=settings.BASE_DIR, env=os.environ, stdout=log, stderr=log)
    try:
        wait_until(lambda: responds(port), "llama.cpp's server", server.poll)
        yield server
    finally:
        server.kill()
        server.wait()


def responds(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def has_ended(http: httpx.Client, jobs: list[str], least: int) -> bool:
    return sum(ended(http, job) for job in jobs) >= least


def test_the_check_finds_what_the_server_can(tmp_path: Path) -> None:
    port = free_port()
    with llama(port, tmp_path):
        url = f"http://127.0.0.1:{port}/v1"
        found = list(checks({"url": url, "model": NAME, "key": "", "timeout_s": 60.0}))
    # Random weights name no colour.
    assert [check.status for check in found] == ["ok", "ok", "warn", "ok"], found


def test_no_image_is_lost_or_charged_without_a_result(make_stack: MakeStack, make_key: MakeKey, tmp_path: Path) -> None:
    port, total = free_port(), IMAGES_OF_A_JOB * JOBS
    with llama(port, tmp_path) as server:
        stack = make_stack(env=environment(port, FORGE_VISION_MODEL=NAME))
        with api(stack, make_key(stack.data)) as http:
            jobs = [
                submit(http, upload(http, colored_images(IMAGES_OF_A_JOB, number * IMAGES_OF_A_JOB)))
                for number in range(JOBS)
            ]
            wait_until(lambda: ended(http, jobs[0]) >= 20, "some images", stack.poll)
            server.kill()
            server.wait()
            before = sum(ended(http, job) for job in jobs)
            assert before < total
            with llama(port, tmp_path):
                for least in range(before, total + 1, 10):  # each wait has a bound of its own
                    wait_until(partial(has_ended, http, jobs, least), f"{least} images", stack.poll)
                wait_until(partial(has_ended, http, jobs, total), "all images", stack.poll)

            images = [image for job in jobs for image in http.get(f"jobs/{job}").json()["images"]]
            succeeded = [image for image in images if image["status"] == "succeeded"]
            codes = {image["code"] for image in images if image["status"] == "failed"}
            assert len(images) == total
            assert codes <= {"no_caption", "analysis_failed"}
            assert http.get("credits/balance").json()["balance"] == 1000 - len(succeeded)
            assert len(succeeded) > total // 2
            print(f"{len(succeeded)} of {total} images have words, {total - len(succeeded)} were refunded: {codes}")
