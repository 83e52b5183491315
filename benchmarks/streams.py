"""Open event streams of one web process over HTTP, on PostgreSQL: memory, processor time, latency, constant resources.

Each stream has a job of its own, whose events are published as workers do. Latency is from the publication to the
client, in other processes on the same machine. The ratio is the processor time of an event against that of a relay
written by hand (benchmarks/_plain_relay.py) for the same streams without keep-alives; with them it is measured, too.
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
                found = measure_process(web, port, streams, source, seconds, cluster)
                idle = tuple(idle_share(web, source, channel, min(seconds, 10)) for channel in ("common", "shards"))
                by_hand = [measure_by_hand(redis_url, wait_s, streams, source, seconds) for wait_s in (0, KEEP_ALIVE_S)]
    return {
        **found, "by_hand": by_hand[0]["event"], "by_hand_p99": by_hand[0]["p99"],
        "by_hand_with_keep_alives": by_hand[1]["event"], "by_hand_with_keep_alives_p99": by_hand[1]["p99"],
    }, (idle[0], idle[1])  # fmt: skip


def measure_by_hand(
    redis_url: str, keep_alive_s: int, streams: list[str], source: subprocess.Popen[str], seconds: int
) -> dict[str, Any]:
    port = free_port()
    with started(["_plain_relay", str(port), redis_url, str(keep_alive_s)], dict(os.environ)) as plain:
        assert read(plain) == "ready"
        return measure_process(psutil.Process(plain.pid), port, streams, source, seconds, None)


def make_jobs(cluster: Cluster, keys: dict[str, str], count: int) -> list[str]:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        names: dict[str, str] = dict(connection.execute("SELECT id, name FROM forge_account").fetchall())
        rows = connection.execute(_JOBS, [count // ACCOUNTS]).fetchall()
        connection.execute("ANALYZE")
    return [f"{keys[names[account_id]]} {job_id}" for account_id, job_id in rows if names[account_id] in keys]


def measure_process(
    process: psutil.Process, port: int, streams: list[str], source: subprocess.Popen[str], seconds: int,
    cluster: Cluster | None,
) -> dict[str, Any]:  # fmt: skip
    clients_of = ["_stream_clients", "127.0.0.1", str(port), "32"]
    with started(clients_of, dict(os.environ)) as warm_up:
        tell(warm_up, *streams[:64], "")
        assert read(warm_up) == "open"
        tell(warm_up, "")
    threads, memory, spent = process.num_threads(), process.memory_full_info().uss, cpu_seconds(process.pid)
    with started(clients_of, dict(os.environ)) as clients:
        tell(clients, *streams, "")
        assert read(clients) == "open"
        opened, grown = cpu_seconds(process.pid) - spent, process.memory_full_info().uss - memory
        tell(source, f"{RATE} 3 shards")
        read(source)
        time.sleep(2)
        tell(clients, "reset", "report")
        read(clients)
        spent = cpu_seconds(process.pid)
        tell(source, f"{RATE} {seconds} shards")
        published = int(read(source))
        per_event = (cpu_seconds(process.pid) - spent) / published
        time.sleep(2)  # for what is on its way
        tell(clients, "report")
        report = json.loads(read(clients))
        assert report["events"] == published, report
        in_use = f"{threads}, {process.num_threads()}"
        connections = str(cluster.connections()) if cluster else ""
        tell(clients, "")
    return {
        **report, "kB": grown / 1000 / len(streams), "open": 1000 * opened / len(streams),
        "event": 1000 * per_event, "threads": in_use, "connections": connections,
    }  # fmt: skip


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
