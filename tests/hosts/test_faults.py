"""Hosts are cut off, die and restart under load: no event or credit is lost or doubled, and every job ends."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.load import LoadGenerator
from tests.hosts.deployment import Deployment
from tests.hosts.network import Host
from tests.hosts.servers import ENV

pytestmark = pytest.mark.e2e

CLIENTS, JOBS = 3, 3


@contextmanager
def load(deployment: Deployment, key: str) -> Iterator[LoadGenerator]:
    """Clients of the proxy, from before the fault until the last stream has ended; then count what they received."""
    clients = LoadGenerator([deployment.url], key, clients=CLIENTS, least_jobs=JOBS, tls=deployment.tls)
    clients.start()
    try:
        wait_for_events(deployment, clients)
        yield clients
        wait_for_events(deployment, clients)
    finally:
        clients.finish()
    wait_until(lambda: clients.finished, "the end of the streams", deployment.check_alive)
    assert clients.counts.wrong == 0, clients.counts
    assert clients.counts.failures == {}, clients.counts
    assert clients.counts.jobs >= JOBS
    audit = deployment.audit()
    assert audit.wrong == 0, audit


def wait_for_events(deployment: Deployment, clients: LoadGenerator, events: int = 10) -> None:
    before = clients.events
    try:
        wait_until(lambda: clients.finished or clients.events >= before + events, "events", deployment.check_alive)
    except AssertionError as error:
        raise AssertionError(f"{clients.counts}\n{deployment.last_lines()}") from error


def wait_for_workers(deployment: Deployment, number: int) -> None:
    wait_until(lambda: deployment.workers_alive() == number, f"{number} workers", deployment.check_alive)


@contextmanager
def cut_off(host: Host) -> Iterator[None]:
    host.cut_off()
    try:
        yield
    finally:
        host.connect()


def test_a_worker_host_is_cut_off_and_comes_back(deployment: Deployment, key: str) -> None:
    host = deployment.workers[0]
    wait_for_workers(deployment, 3)

    with load(deployment, key) as clients:
        with cut_off(host):
            wait_for_workers(deployment, 2)  # by then its leases are over
            wait_for_events(deployment, clients)
        wait_for_workers(deployment, 3)
        before = deployment.analysed(host)
        wait_until(lambda: clients.finished or deployment.analysed(host) > before, "work on the host that is back")


def test_a_web_host_is_cut_off_and_comes_back(deployment: Deployment, key: str) -> None:
    cut, other = deployment.webs

    with load(deployment, key):
        with cut_off(cut):
            wait_until(lambda: answers_from(deployment, key, other), "an answer from the other web host")
        deployment.wait_ready()


def answers_from(deployment: Deployment, key: str, host: Host) -> bool:
    """Return whether this host answers through the proxy; a connection that nginx kept to a silent host does not."""
    with deployment.through_proxy(key) as http:
        try:
            answer = http.get("credits/balance", timeout=5)
        except httpx.TimeoutException:
            return False
    return answer.is_success and answer.headers["X-Upstream"].endswith(f"{host.address}:8000")


def test_postgresql_restarts(deployment: Deployment, key: str) -> None:
    with load(deployment, key):
        deployment.postgres.restart()


def test_a_worker_host_dies_for_good_in_a_transaction(deployment: Deployment, key: str) -> None:
    """Nothing closes the connections of a host without power: PostgreSQL would keep the row locks of its transactions
    until TCP gives up, after two hours.
    """
    host = deployment.workers[2]
    wait_for_workers(deployment, 3)

    with load(deployment, key) as clients:
        job = next(iter(clients.running))
        hold_row_of_job(deployment, host, job)
        deployment.kill(host)
        wait_for_workers(deployment, 2)


def hold_row_of_job(deployment: Deployment, host: Host, job: str) -> None:
    """Lock a job's row from the host in a transaction that stays open."""
    code = (
        "import psycopg, sys, time; c = psycopg.connect(sys.argv[1]);"
        "c.execute('SELECT 1 FROM forge_job WHERE id = %s FOR UPDATE', [sys.argv[2]]);"
        "print('locked', flush=True); time.sleep(3600)"
    )
    holder = host.start("holder", [sys.executable, "-c", code, deployment.postgres.url, job], folder=Path("/"), env=ENV)
    wait_until(lambda: "locked" in holder.text(), "the row lock")
