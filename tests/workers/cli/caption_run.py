"""Runs of `manage.py caption`, in this process and as a process."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command

from tests.e2e.conftest import default_signal_handlers
from workers.cli.management.commands.caption import Command

ROOT = Path(__file__).parents[3]
COLORS = ("#b02020", "#20b020", "#2020b0", "#b0b020", "#20b0b0", "#b020b0")


@dataclass(frozen=True)
class CaptionRun:
    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def paths(self) -> list[str]:
        return [record["path"] for record in self.records]


def caption(*arguments: object, command: Command | None = None) -> CaptionRun:
    """Run the command in this process, where pytest-django forbids every query."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(command or Command(), "--model", "scripted", *map(str, arguments), stdout=stdout, stderr=stderr)
    except SystemExit as end:
        code = int(end.code or 0)
    return CaptionRun(code, stdout.getvalue(), stderr.getvalue())


def started(*arguments: object, stdout: Any = subprocess.PIPE, stderr: Any = subprocess.PIPE, **env: str) -> Any:
    """Start manage.py caption as a process."""
    with default_signal_handlers():
        return subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "caption", "--model", "scripted", *map(str, arguments)],
            # Unbuffered stdout, as often in containers, would hide a missing flush.
            env={**os.environ, "PYTHONUNBUFFERED": "", "TERM": "xterm", "COLUMNS": "100", **env},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )


def finished(*arguments: object, **env: str) -> CaptionRun:
    with started(*arguments, **env) as process:
        stdout, stderr = process.communicate(timeout=120)
    return CaptionRun(process.returncode, stdout, stderr)


def on_terminal(start: Callable[[int], Any]) -> str:
    """Return what the process writes to its pseudo-terminal."""
    ours, theirs = pty.openpty()
    with start(theirs) as process:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
        process.communicate(timeout=120)
    os.close(ours)
    assert process.returncode == 0, written
    return written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 2**16)
    except OSError:  # Linux raises this once the last writer has closed it.
        return b""
