"""Other users of the machine read nothing of a service's data folder."""

import stat
from pathlib import Path

import httpx
import pytest

from forge.stack import Stack
from tests.e2e.client import analyze, colored_images, upload

pytestmark = pytest.mark.e2e


def test_every_file_of_a_running_stack_is_private(stack: Stack, client: httpx.Client) -> None:
    analyze(client, upload(client, colored_images(1)))

    names = {path.name for path in stack.data.rglob("*")}
    assert {"db.sqlite3", "web-1.log", "secret_key", "media"} <= names
    assert [str(path) for path in [stack.data, *stack.data.rglob("*")] if is_open(path)] == []


def is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.lstat().st_mode) & 0o077)
    except FileNotFoundError:  # a journal that is gone
        return False
