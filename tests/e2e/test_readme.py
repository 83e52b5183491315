import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from forge.stack import Stack
from tests.e2e.conftest import needs_curl

pytestmark = pytest.mark.e2e


@needs_curl
def test_the_requests_in_the_readme_work(client: httpx.Client, stack: Stack, tmp_path: Path) -> None:
    readme = (settings.BASE_DIR / "README.md").read_text()
    marked = re.search(r"<!-- run by tests/e2e/test_readme.py -->\n```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert marked is not None
    (tmp_path / "samples").symlink_to(settings.BASE_DIR / "samples")
    env = {**os.environ, "BASE": stack.urls[0], "KEY": client.headers["X-API-Key"]}

    run = subprocess.run(
        ["bash", "-eu", "-c", marked[1]],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.count("event: result") == 2
    assert run.stdout.count("event: complete") == 1
    assert '"kind":"charge"' in run.stdout
