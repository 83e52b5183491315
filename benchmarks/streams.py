"""Open event streams of one web process over HTTP, on PostgreSQL: memory, processor time, latency, constant resources.

Each stream has a job of its own, whose events are published as workers do. Latency is from the publication to the
client, in other processes on the same machine. Then relays written by hand (benchmarks/_plain_relay.py), without
keep-alives and with them, send the same events to as many streams at the same time: the machine's speed changes between
turns. The ratio is the processor time of an event against that of the relay without keep-alives.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks._service import ROOT, make_key
from benchmarks.capacity import cpu_seconds
from forge.stack import Stack
from forge.stack.ports import free_port
from tests.postgres import Cluster, throwaway

ACCOUNTS = 4  # one may hold half of the streams of a process
RATE, IDLE_RATE = 500, 2000  # events a second
KEEP_ALIVE_S = 15  # FORGE_KEEPALIVE_S
_ENV = {
    "FORGE_MODELS": "scripted", "REDIS_URL": None, "FORGE_OPEN_STREAMS": "0", "FORGE_REQUESTS_PER_MINUTE": "0",
    "FORGE_CONNECTIONS": "16000",
}  # fmt: skip
_JOBS = """
WITH session AS (
    INSERT INTO forge_session (id, account_id, created_at, expires_at)
    SELECT 'sess_' || id, id, now(), now() + interval '1 day' FROM forge_account RETURNING id, account_id
)
INSERT INTO forge_job (id, session_id, account_id, status, total, started, succeeded, failed, cancelled, last_seq,
    created_at, request_id)
SELECT 'job_' || md5(n::text || account_id), id, account_id, 'running', 100000, 0, 0, 0, 0, 0, now(), ''
FROM session, generate_series(1, %s) AS n RETURNING account_id, id
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="200 streams for three seconds")
    arguments.add_argument("--streams", default="2000,10000", help="numbers of open streams")
    arguments.add_argument("--seconds", type=int, default=30)
    given = arguments.parse_args()
    counts = [200] if given.quick else [int(count) for count in given.streams.split(",")]
    seconds = 3 if given.quick else given.seconds
    table = Table("streams", "kB a stream", "ms to open", "p50, ms", "p99, ms", "ms an event", "by hand, ms an event",
                  "with keep-alives", "threads, before and with", "database connections")  # fmt: skip
    idle: tuple[float, float] = (0.0, 0.0)
    ratio = 0.0
    for count in counts:
        with throwaway() as cluster:
            found, idle = measure(cluster, count, seconds)
        ratio = found["event"] / found["by_hand"]
        table.add_row(
            str(count), f"{found['kB']:.1f}", f"{found['open']:.1f}", f"{found['p50']:.1f}", f"{found['p99']:.1f}",
            f"{found['event']:.2f}", f"{found['by_hand']:.2f}", f"{found['by_hand_with_keep_alives']:.2f}",
            found["threads"], found["connections"],
        )  # fmt: skip
        print(found, file=sys.stderr, flush=True)
    Console().print(table)
    shares = f"{idle[0]:.1%} of a core with one channel for all jobs, {idle[1]:.1%} with shards"
    print(f"A web process without streams at {IDLE_RATE} events/s: {shares}.")
    print(f"streams: {ratio:.2f}")


def measure(cluster: Cluster, count: int, seconds: int) -> tuple[dict[str, Any], tuple[float, float]]:
    with tempfile.TemporaryDirectory(prefix="image-forge-streams-") as folder:
        env = {**_ENV, "DATABASE_URL": cluster.url}
        with Stack(Path(folder), port=0, workers=1, env=env, report=print) as stack:
            stack.wait_ready(180)
            accounts = [f"stream-{number}" for number in range(ACCOUNTS)]
            keys = {name: make_key(stack.data, account=name, database=cluster.url) for name in accounts}
            streams = make_jobs(cluster, keys, count)
            redis_url = (stack.data / "redis.url").read_text().strip()
            variables = {**os.environ, "FORGE_DATA": str(stack.data), "FORGE_MODELS": "scripted",
                         "DATABASE_URL": cluster.url, "REDIS_URL": redis_url}  # fmt: skip
            with started(["_event_source"], variables) as source:
                assert read(source) == "ready"
                web = psutil.Process(next(one.pid for name, one in stack.processes.items() if name.startswith("web")))
                port = int(stack.urls[0].rpartition(":")[2])
                with contextlib.ExitStack() as at_once:
                    relays = [at_once.enter_context(opened(web, port, streams))]
                    alone = measure_events(relays, source, seconds)[0]
                    for wait_s in (0, KEEP_ALIVE_S):
                        plain, plain_port = at_once.enter_context(by_hand(redis_url, wait_s))
                        relays.append(at_once.enter_context(opened(plain, plain_port, streams)))
                    together = measure_events(relays, source, seconds)
                    threads, connections = web.num_threads(), cluster.connections()
                idle = tuple(idle_share(web, source, channel, min(seconds, 10)) for channel in ("common", "shards"))
    return {
        **alone, "kB": relays[0].kB, "open": relays[0].ms_to_open, "threads": f"{relays[0].threads_before}, {threads}",
        "connections": str(connections), "event_alone": alone["event"], "event": together[0]["event"],
        "by_hand": together[1]["event"], "by_hand_with_keep_alives": together[2]["event"],
        "p99_together": [one["p99"] for one in together],
    }, (idle[0], idle[1])  # fmt: skip


def make_jobs(cluster: Cluster, keys: dict[str, str], count: int) -> list[str]:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        names: dict[str, str] = dict(connection.execute("SELECT id, name FROM forge_account").fetchall())
        rows = connection.execute(_JOBS, [count // ACCOUNTS]).fetchall()
        connection.execute("ANALYZE")
    return [f"{keys[names[account_id]]} {job_id}" for account_id, job_id in rows if names[account_id] in keys]


@dataclass(frozen=True)
class Opened:
    """A process with all streams open, and the process of their clients."""

    process: psutil.Process
    clients: subprocess.Popen[str]
    kB: float  # noqa: N815
    ms_to_open: float
    threads_before: int


@contextlib.contextmanager
def by_hand(redis_url: str, keep_alive_s: int) -> Iterator[tuple[psutil.Process, int]]:
    port = free_port()
    with started(["_plain_relay", str(port), redis_url, str(keep_alive_s)], dict(os.environ)) as plain:
        assert read(plain) == "ready"
        yield psutil.Process(plain.pid), port


@contextlib.contextmanager
def opened(process: psutil.Process, port: int, streams: list[str]) -> Iterator[Opened]:
    clients_of = ["_stream_clients", "127.0.0.1", str(port), "32"]
    with started(clients_of, dict(os.environ)) as warm_up:
        tell(warm_up, *streams[:64], "")
        assert read(warm_up) == "open"
        tell(warm_up, "")
    threads, memory, spent = process.num_threads(), process.memory_full_info().uss, cpu_seconds(process.pid)
    with started(clients_of, dict(os.environ)) as clients:
        tell(clients, *streams, "")
        assert read(clients) == "open"
        to_open, grown = cpu_seconds(process.pid) - spent, process.memory_full_info().uss - memory
        yield Opened(process, clients, grown / 1000 / len(streams), 1000 * to_open / len(streams), threads)
        tell(clients, "")


def measure_events(relays: list[Opened], source: subprocess.Popen[str], seconds: int) -> list[dict[str, Any]]:
    """Return latencies and the processor time of an event for each of the relays, which receive the same events."""
    tell(source, f"{RATE} 3 shards")
    read(source)
    time.sleep(2)
    for relay in relays:
        tell(relay.clients, "reset", "report")
        read(relay.clients)
    before = [cpu_seconds(relay.process.pid) for relay in relays]
    tell(source, f"{RATE} {seconds} shards")
    published = int(read(source))
    spent = [cpu_seconds(relay.process.pid) - since for relay, since in zip(relays, before, strict=True)]
    time.sleep(2)  # for what is on its way
    reports = []
    for relay, seconds_spent in zip(relays, spent, strict=True):
        tell(relay.clients, "report")
        report = json.loads(read(relay.clients))
        assert report["events"] == published, report
        reports.append({**report, "event": 1000 * seconds_spent / published})
    return reports


def idle_share(process: psutil.Process, source: subprocess.Popen[str], channel: str, seconds: int) -> float:
    """Return the share of a core that a process without streams takes while events are published."""
    spent = cpu_seconds(process.pid)
    tell(source, f"{IDLE_RATE} {seconds} {channel}")
    read(source)
    return (cpu_seconds(process.pid) - spent) / seconds


@contextlib.contextmanager
def started(arguments: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", f"benchmarks.{arguments[0]}", *arguments[1:]]
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def tell(process: subprocess.Popen[str], *lines: str) -> None:
    stdin: IO[str] | None = process.stdin
    assert stdin is not None
    stdin.write("".join(line + "\n" for line in lines))
    stdin.flush()


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    assert line, "the process ended"
    return line


if __name__ == "__main__":
    main()
