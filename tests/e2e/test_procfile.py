"""`honcho start` runs the Procfile as it is: nothing of the environment on PATH, settings from a `.env` file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from forge.stack.ports import free_port
from forge.stack.readiness import not_ready_reason
from tests.e2e.conftest import TIMEOUT_S, environment, processes_on, wait_until

pytestmark = pytest.mark.e2e


def example() -> dict[str, str]:
    """Return the settings of .env.example that are not commented out."""
    lines = (settings.BASE_DIR / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_honcho_runs_the_procfile_until_it_is_stopped(venv: Path, tmp_path: Path) -> None:
    data, port, log = tmp_path / "data", free_port(), tmp_path / "log"
    env_file = tmp_path / ".env"
    values = {**example(), "DATABASE_URL": f"sqlite:///{tmp_path}/db", "REDIS_URL": os.environ["REDIS_URL"][:-1] + "5"}
    env_file.write_text("".join(f"{name}={value}\n" for name, value in {**values, "PORT": str(port)}.items()))
    env = {**environment(data), "FORGE_VENV": str(venv), "PATH": os.defpath}
    command = [sys.executable, "-m", "honcho", "-e", str(env_file), "start"]
    with log.open("w") as output:
        honcho = subprocess.Popen(command, cwd=settings.BASE_DIR, env=env, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: honcho.poll() is not None or not_ready_reason([url]) is None, "readiness")
        assert honcho.poll() is None, log.read_text()
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    finally:
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(TIMEOUT_S)
    assert processes_on(data) == [], log.read_text()


def test_the_env_file_is_ignored_and_its_example_is_not(tmp_path: Path) -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", ".env", ".env.example"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ignored.stdout.split() == [".env"]
