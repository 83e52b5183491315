"""The programs that the API page shows run against a live service."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from forge.api.schema import samples
from forge.stack import Stack
from tests.e2e.conftest import needs_curl
from tests.e2e.test_generated_clients import needs_node

pytestmark = pytest.mark.e2e
FOLDER = Path(samples.__file__).parent
COMMANDS = [
    pytest.param(["bash", "-eu", str(FOLDER / "analyze.sh")], marks=needs_curl, id="curl"),
    pytest.param([sys.executable, str(FOLDER / "analyze.py.txt")], id="Python"),
    pytest.param(["node", str(FOLDER / "analyze.mjs")], marks=needs_node, id="JavaScript"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_sample_uploads_and_analyzes(
    stack: Stack, client: httpx.Client, tmp_path: Path, command: list[str]
) -> None:
    for name in ("cat.jpg", "coffee.jpg"):
        shutil.copy(settings.BASE_DIR / "samples" / name, tmp_path)
    env = {**os.environ, "BASE": stack.urls[0], "KEY": client.headers["X-API-Key"]}

    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)

    assert run.returncode == 0, run.stderr
    assert run.stdout.count("metadata") == 2
    assert "complete" in run.stdout


def test_each_sample_sends_an_idempotency_key_and_uploads_first() -> None:
    shown = samples.ANALYZE_SAMPLES["x-codeSamples"]

    assert [sample["label"] for sample in shown] == ["curl", "Python", "JavaScript"]
    for sample in shown:
        assert "Idempotency-Key" in sample["source"]
        assert 0 < sample["source"].index("upload") < sample["source"].index("/analyze")
