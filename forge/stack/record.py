"""DATA/stack.json and DATA/up.lock: what runs on a data folder, readable after any crash."""

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

# The start time that the system tells of a process shifts when its clock is set.
CLOCK_SHIFT_S = 2.0
STOP_GRACE_S = 5.0


@dataclass(frozen=True)
class Entry:
    pid: int
    create_time: float

    @classmethod
    def of(cls, pid: int) -> "Entry | None":
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """The process that was recorded, if it still lives; never another one that was given its pid later."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.create_time) < CLOCK_SHIFT_S
            # A zombie has ended; whoever is its parent now may never collect it.
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class Record:
    urls: list[str] = field(default_factory=list)
    port: int | None = None
    supervisor: Entry | None = None
    processes: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def load(cls, data: Path) -> "Record":
        """Of a folder where nothing ran yet, or whose record cannot be read: an empty one."""
        try:
            raw = json.loads((data / "stack.json").read_text())
            return cls(
                urls=[str(url) for url in raw["urls"]],
                port=raw["port"],
                supervisor=Entry(**raw["supervisor"]) if raw["supervisor"] else None,
                processes={name: Entry(**entry) for name, entry in raw["processes"].items()},
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def save(self, data: Path) -> None:
        write_atomically(data / "stack.json", json.dumps(asdict(self), indent=1))


def running_urls(data: Path) -> list[str]:
    """Where the stack on this folder listens, the first web server first; empty when none runs."""
    record = Record.load(data)
    return record.urls if record.supervisor and record.supervisor.process() else []


def stop_leftovers(data: Path) -> None:
    """Ends what a supervisor that was killed has left behind. Call it with the lock held."""
    left = [process for entry in Record.load(data).processes.values() if (process := entry.process())]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        left = _still_running(left, STOP_GRACE_S)


def _still_running(processes: Iterable[psutil.Process], timeout: float) -> list[psutil.Process]:
    deadline = time.monotonic() + timeout
    while left := [process for process in processes if _lives(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Lock:
    """Held by the one supervisor of a data folder; the system lets go of it however the supervisor ends."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._file: IO[str] | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def acquire(self) -> None:
        file = (self._data / "up.lock").open("a")
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
    """Readable by this user alone: what runs here has passwords."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
