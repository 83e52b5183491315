"""An address that is wrong or does not answer ends web server, worker and commands with its name and no password."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from forge.stack.commands import web_command, worker_command
from forge.stack.ports import free_port
from tests.s3 import CREDENTIALS

pytestmark = pytest.mark.e2e

UNREACHABLE = {
    "DATABASE_URL": "postgresql://forge:s3cret@127.0.0.1:1/photos",
    "REDIS_URL": "redis://:s3cret@127.0.0.1:1/0",
    "FORGE_STORAGE_URL": "s3://photos?endpoint=http://127.0.0.1:1&region=us-east-1",
}


def run(command: list[str], **env: str) -> "subprocess.CompletedProcess[str]":
    own = {**CREDENTIALS, "AWS_SECRET_ACCESS_KEY": "s3cret", "FORGE_START_WAIT_S": "0", "FORGE_MODELS": "scripted"}
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env={**os.environ, **own, **env}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", UNREACHABLE)
@pytest.mark.parametrize("process", ["web", "worker"])
def test_an_unreachable_part_is_named(process: str, name: str) -> None:
    command = web_command(free_port()) if process == "web" else worker_command(1)

    ended = run(command, **{name: UNREACHABLE[name]})

    said = ended.stdout + ended.stderr
    assert ended.returncode not in {0, -9}, said
    assert f"cannot start. {name}: " in said
    assert "127.0.0.1:1" in said
    assert "photos" in said or name == "REDIS_URL"
    assert "s3cret" not in said
    assert "Traceback" not in said


def test_a_command_names_the_database() -> None:
    ended = run([sys.executable, "manage.py", "migrate"], DATABASE_URL=UNREACHABLE["DATABASE_URL"])

    assert ended.returncode == 1
    assert "DATABASE_URL" in ended.stderr
    assert "s3cret" not in ended.stderr
    assert "Traceback" not in ended.stderr
