"""The scenarios of tests/e2e/failures, with the arguments of their short form (bin/test) and long form (bin/bench)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from forge.stack import Stack
from tests.e2e.audit import DatabaseAudit
from tests.e2e.failures.broker import redis_emptied, redis_out_of_memory, redis_restarted, redis_slow, redis_stopped
from tests.e2e.failures.crash_points import crash_at
from tests.e2e.failures.storage import disk_full, postgresql_restarted, sqlite_locked
from tests.e2e.failures.web_servers import slow_readers, web_killed
from tests.e2e.failures.workers import (
    all_workers_killed,
    each_process_restarted,
    poison_image,
    worker_killed,
    worker_terminated,
)
from tests.e2e.load import IMAGES, LoadCounts, LoadGenerator
from tests.e2e.running_stack import ScenarioContext
from tests.postgres import Cluster

LOAD_TIMEOUT_S = 900.0  # from the last failure to the end of the last stream


@dataclass(frozen=True)
class Scenario:
    name: str
    inject: Callable[..., None]
    short: dict[str, Any] | None = field(default_factory=dict)  # None: long only
    long: dict[str, Any] = field(default_factory=dict)
    postgres: bool = False
    clients: int | None = None  # instead of those of the run
    images: int = IMAGES  # per job


def _crash(name: str, point: str, hit: int) -> Scenario:
    arguments = {"name": name, "point": point, "hit": hit}
    return Scenario(point.replace("_", " "), crash_at, {**arguments, "times": 1}, {**arguments, "times": 5})


SCENARIOS = [
    Scenario("a worker killed", worker_killed, {"times": 2}, {"times": 12}),
    Scenario("all workers killed", all_workers_killed, {"seconds": 3}, {"seconds": 30}),
    Scenario("a poison image", poison_image),
    Scenario("SIGTERM to a worker", worker_terminated, {"grace": 1}, {"grace": 10}),
    Scenario("each process restarted in turn", each_process_restarted),
    Scenario("a web server killed", web_killed, {"times": 2}, {"times": 8}),
    Scenario("slow readers and disconnects", slow_readers, {"disconnects": 100}, {"disconnects": 1000}),
    Scenario("Redis restarted", redis_restarted, {"seconds": 1}, {"seconds": 5}),
    Scenario("Redis stopped 2 s", redis_stopped, {"seconds": 2}, {"seconds": 2}),
    Scenario("Redis stopped 30 s", redis_stopped, None, {"seconds": 30}),
    Scenario("Redis stopped 90 s", redis_stopped, None, {"seconds": 90}),
    Scenario("Redis emptied", redis_emptied, {"times": 2}, {"times": 8}),
    Scenario("Redis out of memory", redis_out_of_memory, {"seconds": 3}, {"seconds": 20}),
    Scenario("Redis slow", redis_slow, {"seconds": 3}, {"seconds": 20}),
    Scenario("SQLite locked", sqlite_locked, {"seconds": 3}, {"seconds": 10}),
    Scenario("disk full", disk_full),
    _crash("web-1", "between_commit_and_enqueue", 2),
    _crash("worker-1", "between_model_and_commit", 20),
    _crash("worker-1", "between_commit_and_publish", 40),
    Scenario("300 clients, a worker killed five times", worker_killed, None, {"times": 5}, clients=300, images=2),
    Scenario("PostgreSQL restarted", postgresql_restarted, {"seconds": 2}, {"seconds": 10}, postgres=True),
]


@dataclass(frozen=True)
class ScenarioResult:
    counts: LoadCounts
    audit: DatabaseAudit
    seconds: float
    notes: list[str]

    @property
    def wrong(self) -> int:
        return self.counts.wrong + self.audit.wrong


def run_scenario(
    scenario: Scenario,
    arguments: dict[str, Any],
    *,
    stack: Stack,
    key: str,
    clients: int,
    least_jobs: int,
    cluster: Cluster | None = None,
) -> ScenarioResult:
    """Break the stack while `clients` clients use it; return the counts after the last stream has ended."""
    clients = scenario.clients or clients
    jobs = max(clients, least_jobs * IMAGES // scenario.images)
    load = LoadGenerator(stack.urls, key, clients=clients, least_jobs=jobs, images=scenario.images)
    context = ScenarioContext(stack, key, load, cluster)
    started = time.monotonic()
    load.start()
    try:
        scenario.inject(context, **arguments)
    finally:
        load.finish()
    context.wait_until(lambda: load.finished, LOAD_TIMEOUT_S)
    return ScenarioResult(load.counts, context.audit(), time.monotonic() - started, context.notes)
