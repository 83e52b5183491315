"""What one image costs in each part of the service on PostgreSQL, for docs/capacity.md.

Real processes and the scripted model, which does nothing: the model's own time comes on top. The ratio is the processor
time of all parts against that of the worker.
"""

import argparse
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
import redis
from rich.console import Console
from rich.table import Table

from benchmarks._service import make_client, make_key
from forge.stack import Stack
from tests.e2e.client import analyze_body, upload
from tests.images import noisy_jpeg
from tests.postgres import Cluster, throwaway

SESSION_IMAGES = 20
_ENV = {"FORGE_MODELS": "scripted", "REDIS_URL": None}
_SIZES = (
    "SELECT coalesce(sum(pg_total_relation_size(relid)) FILTER (WHERE relname <> 'forge_creditentry'), 0),"
    " coalesce(sum(pg_total_relation_size(relid)) FILTER (WHERE relname = 'forge_creditentry'), 0)"
    " FROM pg_stat_user_tables WHERE relname LIKE 'forge_%'"
)


@dataclass
class Sample:
    """Running totals. Times are processor seconds, processes and their children."""

    web: float
    worker: float
    valkey: float
    postgres: float
    commits: float
    wal: float
    tables: float
    ledger: float
    commands: float
    redis_bytes: float
    stream: float = 0.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="40 images instead of 600")
    images = 40 if arguments.parse_args().quick else 600
    with tempfile.TemporaryDirectory(prefix="image-forge-capacity-") as folder, throwaway() as cluster:
        env = {**_ENV, "DATABASE_URL": cluster.url}
        with Stack(Path(folder), port=0, env=env, report=print) as stack:
            stack.wait_ready(180)
            key = make_key(stack.data, database=cluster.url)
            with make_client(stack, key) as http:
                analyze(http, SESSION_IMAGES)  # warm-up
                before = sample(stack, cluster)
                streamed = sum(analyze(http, SESSION_IMAGES) for _ in range(images // SESSION_IMAGES))
                after = sample(stack, cluster)
    cost = {name: (getattr(after, name) - getattr(before, name)) / images for name in vars(after)}
    cost["stream"] = streamed / images
    print(f"capacity: {show(cost):.2f}")


def analyze(http: httpx.Client, images: int) -> int:
    """Upload and analyze so many images of 400 by 300 pixels; return the bytes of the event stream."""
    session = upload(http, [noisy_jpeg((400, 300)) for _ in range(images)])
    response = http.post(f"sessions/{session['sessionId']}/analyze", json=analyze_body(session))
    assert response.text.count("event: result") == images, response.text[-500:]
    return len(response.content)


def sample(stack: Stack, cluster: Cluster) -> Sample:
    times = {name.partition("-")[0]: cpu_seconds(process.pid) for name, process in stack.processes.items()}
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        commits, wal, pid = connection.execute(
            "SELECT xact_commit, pg_current_wal_lsn() - '0/0', pg_backend_pid()"
            " FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone() or (0, 0, 0)
        tables, ledger = connection.execute(_SIZES).fetchone() or (0, 0)
        postmaster = psutil.Process(pid).ppid()
    url = (stack.data / "redis.url").read_text().strip()
    with redis.Redis.from_url(url) as client:
        info = client.info()
    return Sample(
        **times, postgres=cpu_seconds(postmaster), commits=float(commits), wal=float(wal), tables=float(tables),
        ledger=float(ledger), commands=info["total_commands_processed"],
        redis_bytes=info["total_net_input_bytes"] + info["total_net_output_bytes"],
    )  # fmt: skip


def cpu_seconds(pid: int | None) -> float:
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has ended since, and counts below
            times = one.cpu_times()
            total += times.user + times.system
    # Of children that have ended, such as connections of PostgreSQL that the pool closed.
    return total + process.cpu_times().children_user + process.cpu_times().children_system


def show(cost: dict[str, float]) -> float:
    """Print the table; return the processor time of all parts against that of the worker."""
    table = Table("cost of an image", "figure", "unit")
    for name in ("web", "worker", "valkey", "postgres"):
        table.add_row(f"{name} processor time", f"{1000 * cost[name]:.1f}", "ms")
    for name, label in (("commits", "transactions"), ("commands", "Redis commands")):
        table.add_row(label, f"{cost[name]:.0f}", "")
    for name, label in (
        ("wal", "PostgreSQL WAL"), ("tables", "tables without the ledger"), ("ledger", "ledger"),
        ("redis_bytes", "Redis network"), ("stream", "event stream"),
    ):  # fmt: skip
        table.add_row(label, f"{cost[name] / 1000:.2f}", "kB")
    Console().print(table)
    return sum(cost[name] for name in ("web", "worker", "valkey", "postgres")) / cost["worker"]


if __name__ == "__main__":
    main()
