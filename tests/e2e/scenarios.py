"""Every scenario of tests/e2e/failures, with the arguments of its short form (bin/test) and long form (bin/bench)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from forge.stack import Stack
from tests.e2e.audit import Audit
from tests.e2e.failures.moments import dies_between
from tests.e2e.failures.queue import redis_emptied, redis_out_of_memory, redis_restarted, redis_slow, redis_stopped
from tests.e2e.failures.store import disk_full, postgresql_restarted, sqlite_locked
from tests.e2e.failures.webs import bad_readers, web_killed
from tests.e2e.failures.workers import (
    each_process_in_turn,
    no_worker_at_all,
    poison_image,
    worker_killed_again_and_again,
    worker_told_to_end,
)
from tests.e2e.load import Load, Tally
from tests.e2e.running_stack import Ground
from tests.postgres import Cluster


@dataclass(frozen=True)
class Scenario:
    name: str
    act: Callable[..., None]
    short: dict[str, Any] | None = field(default_factory=dict)  # None: long only
    long: dict[str, Any] = field(default_factory=dict)
    postgres: bool = False


def _dies(name: str, point: str, passing: int) -> Scenario:
    where = {"name": name, "point": point, "passing": passing}
    return Scenario(point.replace("_", " "), dies_between, {**where, "times": 1}, {**where, "times": 5})


SCENARIOS = [
    Scenario("a worker killed", worker_killed_again_and_again, {"times": 2}, {"times": 12}),
    Scenario("no worker at all", no_worker_at_all, {"seconds": 3}, {"seconds": 30}),
    Scenario("a poison image", poison_image),
    Scenario("SIGTERM to a worker", worker_told_to_end, {"grace": 1}, {"grace": 10}),
    Scenario("each process restarted in turn", each_process_in_turn),
    Scenario("a web server killed", web_killed, {"times": 2}, {"times": 8}),
    Scenario("slow and vanishing readers", bad_readers, {"leave": 100}, {"leave": 1000}),
    Scenario("Redis restarted", redis_restarted, {"seconds": 1}, {"seconds": 5}),
    Scenario("Redis stopped 2 s", redis_stopped, {"seconds": 2}, {"seconds": 2}),
    Scenario("Redis stopped 30 s", redis_stopped, None, {"seconds": 30}),
    Scenario("Redis stopped 90 s", redis_stopped, None, {"seconds": 90}),
    Scenario("Redis emptied", redis_emptied, {"times": 2}, {"times": 8}),
    Scenario("Redis out of memory", redis_out_of_memory, {"seconds": 3}, {"seconds": 20}),
    Scenario("Redis slow", redis_slow, {"seconds": 3}, {"seconds": 20}),
    Scenario("SQLite locked", sqlite_locked, {"seconds": 3}, {"seconds": 10}),
    Scenario("disk full", disk_full),
    _dies("web-1", "between_commit_and_enqueue", 2),
    _dies("worker-1", "between_model_and_commit", 20),
    _dies("worker-1", "between_commit_and_publish", 40),
    Scenario("PostgreSQL restarted", postgresql_restarted, {"seconds": 2}, {"seconds": 10}, postgres=True),
]


@dataclass(frozen=True)
class Outcome:
    tally: Tally
    audit: Audit
    seconds: float
    notes: list[str]

    @property
    def wrong(self) -> int:
        return self.tally.wrong + self.audit.wrong


def run(
    scenario: Scenario,
    arguments: dict[str, Any],
    *,
    stack: Stack,
    key: str,
    clients: int,
    least_jobs: int,
    cluster: Cluster | None = None,
) -> Outcome:
    """Breaks the stack while `clients` clients use it, and counts when the last of them has read its stream."""
    load = Load(stack.urls, key, clients=clients, least_jobs=least_jobs)
    ground = Ground(stack, key, load, cluster)
    started = time.monotonic()
    load.start()
    try:
        scenario.act(ground, **arguments)
    finally:
        load.finish()
    ground.until(lambda: load.finished)
    return Outcome(load.tally, ground.audit(), time.monotonic() - started, ground.notes)
