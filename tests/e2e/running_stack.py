"""A running stack with clients on it, for a scenario to break."""

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import redis

from forge.stack import Stack, SupervisedProcess
from tests.e2e.audit import Audit, ask
from tests.e2e.load import Load
from tests.postgres import Cluster

PATIENCE_S = 300.0  # a bound, not a measure
POISON = "#ff00fe"  # no picture of the load has it
ENV: dict[str, str | None] = {
    "FORGE_MODELS": "scripted",
    "FORGE_SCRIPT": json.dumps({"delay_ms": 80, "delay_ms_per_image": 5, "crash_color": POISON}),
    "FORGE_LEASE_S": "4",
    "FORGE_HEARTBEAT_S": "0.5",
    "FORGE_RESEND_S": "2",
    "FORGE_RESYNC_S": "2",
    "REDIS_URL": None,
}


@dataclass
class Ground:
    """A running stack with clients on it. `notes` is what a scenario measured beside the load's own tally."""

    stack: Stack
    key: str
    load: Load
    cluster: Cluster | None = None
    notes: list[str] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(5))

    def hold(self, seconds: float) -> None:
        """Lets the load go on; what has died meanwhile is started again, as `bin/up` does."""
        deadline = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= deadline)

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s in vain"
            _ = self.load.finished  # Raises what went wrong in it.
            self.stack.poll()
            time.sleep(0.05)

    def moves(self, events: int = 10) -> None:
        """Waits for the load to hear so many more events."""
        before = self.load.events
        self.until(lambda: self.load.events >= before + events)

    def process(self, name: str) -> SupervisedProcess:
        return self.stack.processes[name]

    def named(self, prefix: str) -> list[SupervisedProcess]:
        return [process for name, process in self.stack.processes.items() if name.startswith(prefix)]

    def ready(self) -> None:
        self.until(lambda: self.stack.not_ready_reason() is None)

    def audit(self) -> Audit:
        return ask(self.stack.processes["web-1"].env)

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url((self.stack.data / "redis.url").read_text().strip())

    @contextmanager
    def http(self) -> Iterator[httpx.Client]:
        base = f"{self.stack.urls[-1]}/image-forge-api/v1"
        with httpx.Client(base_url=base, headers={"X-API-Key": self.key}, timeout=90, trust_env=False) as http:
            yield http


@contextmanager
def given(process: SupervisedProcess, **variables: str) -> Iterator[None]:
    """Starts of this process inside have these variables."""
    before = process.env or {}
    process.env = {**before, **variables}
    try:
        yield
    finally:
        process.env = before


@contextmanager
def small_disk(data: Path) -> Iterator[None]:
    """Puts the pictures of this folder on a file system of 64 MB, where this user may mount one."""
    media = data / "media"
    media.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(media)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", str(media)], check=True)
