"""DATA/stack.json and DATA/up.lock: the processes of a data folder, readable after any crash."""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import psutil

from forge.stack.errors import AlreadyRunning

# The create time that the system reports for a process shifts when the clock is set.
CLOCK_TOLERANCE_S = 2.0
STOP_GRACE_S = 5.0


@dataclass(frozen=True)
class RecordedProcess:
    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> "RecordedProcess | None":
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """Return the recorded process while it runs; never another one that was given its pid later."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < CLOCK_TOLERANCE_S
            # A zombie has ended; its present parent may never reap it.
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class StackState:
    urls: list[str] = field(default_factory=list)
    port: int | None = None
    supervisor: RecordedProcess | None = None
    processes: dict[str, RecordedProcess] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Path) -> "StackState":
        """Return an empty state for a folder where nothing ran yet, or whose file cannot be read."""
        try:
            raw = json.loads((data / "stack.json").read_text())
            return cls(
                urls=[str(url) for url in raw["urls"]],
                port=raw["port"],
                supervisor=RecordedProcess(**raw["supervisor"]) if raw["supervisor"] else None,
                processes={name: RecordedProcess(**entry) for name, entry in raw["processes"].items()},
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def save(self, data: Path) -> None:
        write_atomically(data / "stack.json", json.dumps(asdict(self), indent=1))


def running_urls(data: Path) -> list[str]:
    """Return the addresses of the stack on this folder, the first web server first; empty when none runs."""
    state = StackState.load(data)
    return state.urls if state.supervisor and state.supervisor.process() else []


def stop_orphans(data: Path) -> None:
    """Stop the processes that a killed supervisor left behind. Call it with the lock held."""
    orphans = [process for entry in StackState.load(data).processes.values() if (process := entry.process())]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        orphans = _still_running(orphans, STOP_GRACE_S)


def _still_running(processes: Iterable[psutil.Process], timeout: float) -> list[psutil.Process]:
    deadline = time.monotonic() + timeout
    while remaining := [process for process in processes if _is_running(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return remaining


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class SupervisorLock:
    """The file lock of the one supervisor of a data folder; the kernel releases it however the supervisor ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def acquire(self) -> None:
        """Raise AlreadyRunning where another supervisor holds it."""
        file = (self._data / "up.lock").open("a")
        os.fchmod(file.fileno(), 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise AlreadyRunning(self._data, next(iter(running_urls(self._data)), None)) from None
        self._file = file

    def release(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


def write_atomically(path: Path, text: str) -> None:
    """Replace the file with one that only this user can read: the files hold passwords."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
