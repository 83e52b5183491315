"""Sends pictures through a reader process and notes how each ended, the death of the reader included."""

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
HANGS_S = 40.0  # of the processor, so that a busy machine does not count; both readings of a picture together

CODES = {"unsupported_image", "unreadable_image", "payload_too_large"}


@dataclass(frozen=True)
class Outcome:
    """`checked` is what an upload gets, `decoded` what a worker makes of it; `seconds` of the slower of them."""

    name: str
    checked: str
    decoded: str
    seconds: float = 0.0
    megabytes: int = 0

    @property
    def fault(self) -> str | None:
        """What is neither a picture nor a coded error."""
        strange = {self.checked, self.decoded} - CODES - {"read"}
        return f"{self.name}: {', '.join(sorted(strange))}" if strange else None


class Reader:
    """One reader at a time; another one where it died."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def read(self, name: str, data: bytes) -> Outcome:
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(struct.pack(">I", len(data)) + data)
            process.stdin.flush()
            answered = _answers(process)
            line = process.stdout.readline() if answered else b""
        except BrokenPipeError:
            answered, line = True, b""
        if line:
            return Outcome(name, **json.loads(line))
        died = f"killed the process: {_ending(process.wait())}" if answered else f"hung for {HANGS_S:g} s"
        self._end()
        return Outcome(name, died, died)

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


def read_all(cases: Iterable[tuple[str, Build]], environment: dict[str, str]) -> Iterator[Outcome]:
    with Reader(environment) as reader:
        for name, build in cases:
            yield reader.read(name, build())


def _answers(process: "subprocess.Popen[bytes]") -> bool:
    """Waits for an answer or the end; False where neither comes in the processor's time for one picture."""
    assert process.stdout is not None
    watched = psutil.Process(process.pid)
    begun = _processor_seconds(watched)
    assert process.stdout
    while not select.select([process.stdout], [], [], 1.0)[0]:
        if _processor_seconds(watched) - begun > HANGS_S:
            return False
    return True


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
