"""What `readyz` says from a start to an end, asked of real processes."""

import json
from pathlib import Path

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.conftest import until

pytestmark = pytest.mark.e2e


def test_readyz_tells_loading_from_ready_and_from_nobody_there(tmp_path: Path) -> None:
    script = json.dumps({"load_ms": 4000})
    env: dict[str, str | None] = {"FORGE_MODELS": "scripted", "FORGE_SCRIPT": script, "REDIS_URL": None}
    with Stack(tmp_path, port=0, env=env, say=print) as stack:
        told: list[tuple[int, str]] = []

        def asked() -> tuple[int, str]:
            try:
                answer = httpx.get(f"{stack.urls[0]}/readyz", timeout=30, trust_env=False)
            except httpx.TransportError:
                return 0, ""
            told.append((answer.status_code, answer.text))
            return told[-1]

        until(lambda: asked()[0] == 200, "ready", stack.poll)
        assert any(json.loads(text)["loading"] for status, text in told if status == 503), told
        assert any("a worker is loading its models" in text for _, text in told)

        stack.processes["worker-1"].stop()
        status, text = asked()
        assert status == 503
        assert json.loads(text)["missing"] == ["worker"]
        assert "no worker answers" in text
