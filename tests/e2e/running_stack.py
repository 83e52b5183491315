"""The stack and the load that a fault injection scenario runs on."""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis

from forge.stack import Stack, SupervisedProcess
from tests.e2e.audit import DatabaseAudit, run_audit
from tests.e2e.load import LoadGenerator
from tests.postgres import Cluster

TIMEOUT_S = 300.0
POISON_COLOR = "#ff00fe"  # no image of the load has it
ENV: dict[str, str | None] = {
    "FORGE_MODELS": "scripted",
    "FORGE_SCRIPT": json.dumps({"delay_ms": 80, "delay_ms_per_image": 5, "crash_color": POISON_COLOR}),
    "FORGE_LEASE_S": "4",
    "FORGE_HEARTBEAT_S": "0.5",
    "FORGE_RESEND_S": "2",
    "FORGE_RESYNC_S": "2",
    "REDIS_URL": None,
}


@dataclass
class ScenarioContext:
    """A running stack with clients on it. `notes`: what a scenario measures beside the counts of the load."""

    stack: Stack
    key: str
    load: LoadGenerator
    cluster: Cluster | None = None
    notes: list[str] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    def run_for(self, seconds: float) -> None:
        """Let the load run; what dies meanwhile is restarted, as `bin/up` does."""
        deadline = time.monotonic() + seconds
        self.wait_until(lambda: time.monotonic() >= deadline)

    def wait_until(self, condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"waited {timeout_s:g} s: {self.load.counts}"
            _ = self.load.finished  # raises an error of the clients
            self.stack.poll()
            time.sleep(0.05)

    def wait_for_events(self, events: int = 10) -> None:
        """Wait until the load has received so many more events."""
        before = self.load.events
        self.wait_until(lambda: self.load.events >= before + events)

    def process(self, name: str) -> SupervisedProcess:
        return self.stack.processes[name]

    def processes(self, prefix: str) -> list[SupervisedProcess]:
        return [process for name, process in self.stack.processes.items() if name.startswith(prefix)]

    def wait_ready(self) -> None:
        self.wait_until(lambda: self.stack.not_ready_reason() is None)

    def audit(self) -> DatabaseAudit:
        return run_audit(self.stack.processes["web-1"].env)

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url((self.stack.data / "redis.url").read_text().strip())

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        base = f"{self.stack.urls[-1]}/image-forge-api/v1"
        with httpx.Client(base_url=base, headers={"X-API-Key": self.key}, timeout=90, trust_env=False) as http:
            yield http


@contextmanager
def with_environment(process: SupervisedProcess, **variables: str) -> Iterator[None]:
    """Add variables to the environment of the starts inside."""
    before = process.env or {}
    process.env = {**before, **variables}
    try:
        yield
    finally:
        process.env = before


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system of 64 MB on the folder, where this user may mount one; yield whether it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def filler(folder: Path) -> Iterator[None]:
    """Fill the file system of the folder to its last block."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as filling, suppress(OSError):
        while True:
            filling.write(bytes(2**12))
    try:
        yield
    finally:
        file.unlink()
