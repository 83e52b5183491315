"""A worker whose clock is a minute off beside a good one: no lease is stolen, no event or credit is lost."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeKey, MakeStack, wait_until
from tests.e2e.load import LoadGenerator
from tests.e2e.running_stack import ScenarioContext, with_environment
from tests.postgres import Cluster

pytestmark = pytest.mark.e2e

CLIENTS, JOBS = 3, 6
SKEW_S = 60.0
LEASE_S = 30.0  # less than the skew: by its own clock the skewed worker finds each lease of the other one expired
ENV: dict[str, str | None] = {
    "FORGE_SCRIPT": json.dumps({"delay_ms": 400}),
    "FORGE_LEASE_S": f"{LEASE_S:g}",
    "FORGE_HEARTBEAT_S": "0.3",
    "FORGE_RESEND_S": "3600",  # a loaded machine resends what waits long
}
FOLDER = Path(__file__).parent / "skewed_clock"


def test_a_worker_with_a_wrong_clock_on_sqlite(make_stack: MakeStack, make_key: MakeKey) -> None:
    check(make_stack, make_key, None, SKEW_S)


@pytest.mark.postgres
@pytest.mark.parametrize("skew_s", [SKEW_S, -SKEW_S], ids=["ahead", "behind"])
def test_a_worker_with_a_wrong_clock_on_postgresql(
    make_stack: MakeStack, make_key: MakeKey, postgres: Cluster, skew_s: float
) -> None:
    check(make_stack, make_key, postgres.url, skew_s)


def check(make_stack: MakeStack, make_key: MakeKey, database: str | None, skew_s: float) -> None:
    stack = make_stack(workers=2, env={**ENV, "DATABASE_URL": database})
    load = LoadGenerator(
        stack.urls, make_key(stack.data, credits=10_000, database=database), clients=CLIENTS, least_jobs=JOBS
    )
    context = ScenarioContext(stack, "", load)
    worker = context.process("worker-2")
    with with_environment(worker, PYTHONPATH=str(FOLDER), SKEW_S=f"{skew_s:g}"):
        started = datetime.now(UTC)
        worker.restart()
        wait_until(lambda: "ready." in worker.tail(), "the skewed worker", stack.poll)
        is_in_the_skewed_time(worker.tail(), started, timedelta(seconds=skew_s))
        load.start()
        load.finish()
        context.wait_until(lambda: load.finished)
    audit = context.audit()

    assert load.counts.wrong == audit.wrong == 0, (load.counts, audit)
    assert load.counts.failures == {}
    assert load.counts.jobs >= JOBS
    assert audit.attempts == 1, "a lease was stolen"
    assert "queued again" not in worker.log.read_text()


def is_in_the_skewed_time(log: str, started: datetime, skew: timedelta) -> None:
    times = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", log)
    skewed = datetime.fromisoformat(times[-1]).replace(tzinfo=UTC)
    second = timedelta(seconds=1)
    assert started + skew - second <= skewed <= datetime.now(UTC) + skew + second
