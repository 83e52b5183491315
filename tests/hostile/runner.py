"""Send images through a reader process and record each outcome, a crash of the reader included."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.hostile.corpus import Build

ROOT = Path(__file__).parents[2]
ADDRESS_SPACE = 4 * 2**30
HANG_CPU_S = 40.0  # CPU time, which a busy machine does not change; validation and decoding of an image together

ERROR_CODES = {"unsupported_image", "unreadable_image", "payload_too_large"}


@dataclass(frozen=True)
class ReadOutcome:
    """`checked`: outcome of the upload. `decoded`: outcome in a worker. `seconds`: CPU time of the slower of them."""

    name: str
    checked: str
    decoded: str
    seconds: float = 0.0
    megabytes: int = 0

    @property
    def fault(self) -> str | None:
        """Return the outcomes that are neither an image nor an error code."""
        unexpected = {self.checked, self.decoded} - ERROR_CODES - {"read"}
        return f"{self.name}: {', '.join(sorted(unexpected))}" if unexpected else None


class ReaderProcess:
    """A reader process, replaced where it died."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def read(self, name: str, data: bytes) -> ReadOutcome:
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(struct.pack(">I", len(data)) + data)
            process.stdin.flush()
            responded = _wait_for_line(process)
            line = process.stdout.readline() if responded else b""
        except BrokenPipeError:
            responded, line = True, b""
        if line:
            return ReadOutcome(name, **json.loads(line))
        failure = f"killed the process: {_ending(process.wait())}" if responded else f"hung for {HANG_CPU_S:g} s"
        self._end()
        return ReadOutcome(name, failure, failure)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.hostile.reader", str(ADDRESS_SPACE)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self._process

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None


def read_all(cases: Iterable[tuple[str, Build]], environment: dict[str, str]) -> Iterator[ReadOutcome]:
    with ReaderProcess(environment) as reader:
        for name, build in cases:
            yield reader.read(name, build())


def _wait_for_line(process: "subprocess.Popen[bytes]") -> bool:
    """Wait for a line or the end of the process; return False where neither comes within HANG_CPU_S."""
    assert process.stdout is not None
    process_info = psutil.Process(process.pid)
    started = _cpu_seconds(process_info)
    assert process.stdout
    while not select.select([process.stdout], [], [], 1.0)[0]:
        if _cpu_seconds(process_info) - started > HANG_CPU_S:
            return False
    return True


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
