"""Words of a local checkpoint through the real service; its process is killed in the middle."""

from pathlib import Path

import psutil
import pytest

from forge.stack import Stack
from tests.e2e.client import colored_images, submit, upload
from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.test_options import balance, described
from tests.e2e.test_vision_server import api, ended
from tests.workers.vision_checkpoints import save_florence2, save_idefics3

pytestmark = pytest.mark.e2e

IMAGES = 6


def environment(folder: Path) -> dict[str, str | None]:
    names: dict[str, str | None] = {"FORGE_MODELS": "transformers", "FORGE_CHECKPOINT": str(folder)}
    return {**names, "FORGE_PRECISION": "fp32", "FORGE_HEARTBEAT_S": "0.2"}


def model_processes(stack: Stack) -> list[psutil.Process]:
    """Return the model processes of the worker, the engine's first."""
    worker = psutil.Process(stack.processes["worker-1"].pid)
    found = [child for child in worker.children() if "workers.models.subprocess.server" in " ".join(child.cmdline())]
    return sorted(found, key=lambda child: child.create_time())


def test_no_image_is_lost_when_the_process_of_the_checkpoint_is_killed(
    make_stack: MakeStack, make_key: MakeKey, tmp_path: Path
) -> None:
    folder = save_idefics3(tmp_path / "tiny")
    stack = make_stack(env={**environment(folder), "FORGE_LEASE_S": "2"})
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


def test_a_checkpoint_honours_the_options(make_stack: MakeStack, make_key: MakeKey, tmp_path: Path) -> None:
    stack = make_stack(env=environment(save_idefics3(tmp_path / "tiny", seed=1)))
    with api(stack, make_key(stack.data)) as http:
        loaded = [one for one in http.get("models").json()["data"] if one["loaded"]]
        assert [one["family"] for one in loaded] == ["transformers"]
        assert loaded[0]["models"][0].startswith("tiny ")
        options = {
            "languages": ["de", "fr"],
            "keywords": ["Elefant"],
            "altMaxLength": 40,
            "tagCount": 2,
            "fields": ["alt", "description", "seoTags"],
        }
        image = described(http, options)

        assert balance(http) == 1000 - 2
        assert list(image["metadata"]) == options["fields"]
        assert 0 < len(image["metadata"]["alt"]) <= 40
        assert len(image["metadata"]["seoTags"]) == 2
        assert image["unusedKeywords"] == ["Elefant"]
        assert list(image["translations"]) == ["fr"]
        # Greedy decoding writes other words for another prompt alone: by the language, then by the context.
        assert image["translations"]["fr"]["description"] != image["metadata"]["description"]
        assert image["provenance"]["options"] == options

        short = {"language": "de", "altMaxLength": 40, "tagCount": 2}
        found = [described(http, {**short, **more}) for more in ({}, {"context": "A mug by Velora, in the studio"})]
        without, given = (image["metadata"]["description"] for image in found)
        assert given != without

        decorative = described(http, {**short, "decorative": "auto"})
        assert decorative["decorative"]
        assert decorative["metadata"]["alt"] == ""
        assert decorative["metadata"]["caption"]


def test_florence_refuses_what_it_cannot_do_before_a_charge(
    make_stack: MakeStack, make_key: MakeKey, tmp_path: Path
) -> None:
    stack = make_stack(env=environment(save_florence2(tmp_path / "tiny")))
    with api(stack, make_key(stack.data)) as http:
        loaded = [one["family"] for one in http.get("models").json()["data"] if one["loaded"]]
        assert loaded == ["florence-2"]
        for option in ({"language": "de"}, {"context": "A mug"}, {"keywords": ["mug"]}, {"decorative": "auto"}):
            refused = http.post("credits/check", json={"action": "analyze", "imageCount": 1, "options": option})
            assert (refused.status_code, refused.json()["code"]) == (422, "option_unsupported")
            assert refused.json()["family"] == "florence-2"
        assert described(http, {"altMaxLength": 40, "tagCount": 2})["status"] == "succeeded"
        assert balance(http) == 1000 - 1
