"""A supervised process whose start fails: the others go on, and it is tried again."""

import errno
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forge.stack import Process, process


def test_a_start_for_which_there_is_no_memory_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FIRST_PAUSE_S", 0.05)
    one = Process("one", [sys.executable, "-c", "pass"], cwd=tmp_path, log=tmp_path / "one.log")
    one._pause = 0.05
    one.start()
    assert one.wait(30)
    assert "exit code 0" in (one.poll() or "")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as without_memory:
        without_memory.setattr(subprocess, "Popen", refused)
        assert "one cannot be started ([Errno 12] Cannot allocate memory)" in told(one)
    told_before, pid = one.poll(), one.pid
    assert told_before is None, "not at once"
    while one.pid == pid:
        one.poll()
        time.sleep(0.01)
    one.stop()


def told(one: Process) -> str:
    deadline = time.monotonic() + 20
    while not (sentence := one.poll()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return sentence
