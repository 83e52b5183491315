"""A supervised process whose start fails is retried; the others continue."""

import errno
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from forge.stack import SupervisedProcess, process


def test_a_start_without_memory_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "FIRST_BACKOFF_S", 0.05)
    one = SupervisedProcess("one", [sys.executable, "-c", "pass"], cwd=tmp_path, log=tmp_path / "one.log")
    one._backoff = 0.05
    one.start()
    assert one.wait(30)
    assert "exit code 0" in (one.poll() or "")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as without_memory:
        without_memory.setattr(subprocess, "Popen", refused)
        assert "one cannot be started ([Errno 12] Cannot allocate memory)" in next_report(one)
    report, pid = one.poll(), one.pid
    assert report is None, "not at once"
    while one.pid == pid:
        one.poll()
        time.sleep(0.01)
    one.stop()


def next_report(one: SupervisedProcess) -> str:
    deadline = time.monotonic() + 20
    while not (sentence := one.poll()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return sentence
