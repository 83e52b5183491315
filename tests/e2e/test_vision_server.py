"""Words of a vision server through the real service; the server goes away in the middle and comes back."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from forge.stack import Stack
from forge.stack.ports import free_port
from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.vision_server import ANSWER, Reply, answer, scripted_server

pytestmark = pytest.mark.e2e

IMAGES = 24


@contextmanager
def api(stack: Stack, key: str) -> Iterator[httpx.Client]:
    base = f"{stack.urls[0]}/image-forge-api/v1"
    with httpx.Client(base_url=base, headers={"X-API-Key": key}, timeout=60, trust_env=False) as http:
        yield http


def environment(port: int, **more: str | None) -> dict[str, str | None]:
    return {
        "FORGE_MODELS": "vision-server",
        "FORGE_VISION_URL": f"http://127.0.0.1:{port}/v1",
        "FORGE_VISION_MODEL": "tiny-vision",
        "FORGE_HEARTBEAT_S": "0.2",
        **more,
    }


def ended(http: httpx.Client, job_id: str) -> int:
    job = http.get(f"jobs/{job_id}").json()
    return sum(image["status"] in {"succeeded", "failed"} for image in job["images"])


def missing(stack: Stack) -> Any:
    response = httpx.get(f"{stack.urls[0]}/readyz", trust_env=False)
    return response.json().get("missing", [])


def test_no_image_is_lost_or_charged_while_the_server_is_away(make_stack: MakeStack, make_key: MakeKey) -> None:
    port, never = free_port(), threading.Event()
    with ExitStack() as first:
        # Four answers, then none: the server ends while it works on the next images.
        first.enter_context(scripted_server(lambda n: Reply(answer(), wait=None if n < 4 else never), port))
        stack = make_stack(env=environment(port))
        with api(stack, make_key(stack.data)) as http:
            session = upload(http, colored_images(IMAGES))
            job_id = submit(http, session)
            wait_until(lambda: ended(http, job_id) == 4, "some images", stack.poll)
            first.close()
            never.set()
            wait_until(lambda: missing(stack) == ["models"], "readiness without the server", stack.poll)

            with scripted_server(lambda number: Reply("no" if number < 2 else answer()), port) as again:
                wait_until(lambda: ended(http, job_id) == IMAGES, "the rest", stack.poll)
                assert len(again.requests) >= IMAGES - 4

            job = http.get(f"jobs/{job_id}").json()
            failed = [image for image in job["images"] if image["status"] == "failed"]
            assert {image["code"] for image in failed} <= {"no_caption"}
            assert http.get("credits/balance").json()["balance"] == 1000 - IMAGES + len(failed)
            first_words = next(image for image in job["images"] if image["status"] == "succeeded")
            assert first_words["metadata"]["alt"] == ANSWER["alt"]


def test_the_embedded_captioner_answers_while_the_server_is_away(make_stack: MakeStack, make_key: MakeKey) -> None:
    stack = make_stack(env=environment(free_port(), FORGE_VISION_FALLBACK="embedded"))
    with api(stack, make_key(stack.data)) as http:
        job_id = submit(http, upload(http, colored_images(2)))
        wait_until(lambda: ended(http, job_id) == 2, "the fallback", stack.poll)

        images = http.get(f"jobs/{job_id}").json()["images"]
        assert {image["status"] for image in images} == {"succeeded"}
        assert missing(stack) == []
