"""Fault injection under load: events missing, duplicated or out of order, images without an outcome, credits off.

The scenarios are those of tests/e2e/test_faults.py in their long form. The last line is what was wrong per image: 0.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks._service import make_key
from forge.stack import Stack
from tests.e2e.running_stack import ENV, small_disk
from tests.e2e.scenarios import SCENARIOS, Scenario, ScenarioResult, run_scenario
from tests.postgres import MISSING, Cluster, programs, throwaway

CLIENTS = 6
COLUMNS = (
    "scenario", "images", "missing", "duplicated", "out of order", "unfinished", "credits off", "failed", "refused",
    "resumed", "silence, s", "seconds", "notes",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the short form of each scenario")
    parser.add_argument("--images", type=int, default=10_000, help="the least number over all scenarios")
    parser.add_argument("--only", default="", metavar="WORDS", help="only scenarios whose names contain this")
    arguments = parser.parse_args()
    chosen = [s for s in SCENARIOS if arguments.only in s.name and not (arguments.quick and s.short is None)]
    images = 0 if arguments.quick else arguments.images
    table = Table(*COLUMNS)
    total, wrong = 0, 0
    for scenario, result in _results(chosen, images, quick=arguments.quick):
        # At once: a run takes long, and what was measured must survive its interruption.
        print(f"{scenario.name}: {result}", file=sys.stderr, flush=True)
        if isinstance(result, Exception):
            table.add_row(scenario.name, *[""] * (len(COLUMNS) - 2), f"failed: {result}")
            wrong += 1
            continue
        table.add_row(scenario.name, *_cells(result))
        total += result.counts.images
        wrong += result.wrong
    Console(width=200).print(table)
    print(f"{wrong} wrong in {total} images")
    print(f"faults: {wrong / max(total, 1):.4f}")


def _cells(result: ScenarioResult) -> list[str]:
    load, audit = result.counts, result.audit
    counts = (load.images, load.missing, load.duplicated, load.out_of_order, load.unfinished + audit.unfinished)
    rest = (audit.credits_off, load.failures.total(), load.refused, load.resumed)
    times = (f"{load.longest_silence_s:.1f}", f"{result.seconds:.0f}", "; ".join(result.notes))
    return [*map(str, counts), *map(str, rest), *times]


def _results(
    chosen: list[Scenario], images: int, *, quick: bool
) -> Iterator[tuple[Scenario, ScenarioResult | Exception]]:
    """Run the scenarios on one stack with SQLite, then those for PostgreSQL on another."""
    left, images_left = len(chosen), images
    for postgres in (False, True):
        some = [scenario for scenario in chosen if scenario.postgres == postgres]
        if postgres and some and programs() is None:
            print(f"Left out: {MISSING}", file=sys.stderr)
            return
        if not some:
            continue
        with service(postgres=postgres) as (stack, key, cluster):
            for scenario in some:
                jobs = max(CLIENTS, -(-images_left // (25 * left)))
                given = (scenario.short or {}) if quick else scenario.long
                left -= 1
                try:
                    result = run_scenario(
                        scenario, given, stack=stack, key=key, clients=CLIENTS, least_jobs=jobs, cluster=cluster
                    )
                except (AssertionError, httpx.HTTPError) as error:
                    yield scenario, error
                    continue
                yield scenario, result
                images_left -= result.counts.images


@contextmanager
def service(*, postgres: bool) -> Iterator[tuple[Stack, str, Cluster | None]]:
    """Two web servers and two workers with the scripted model, and a key with enough credits."""
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        cluster = opened.enter_context(throwaway()) if postgres else None
        database = cluster.url if cluster else None
        opened.enter_context(small_disk(Path(folder) / "media"))
        env = {**ENV, "DATABASE_URL": database}
        stack = opened.enter_context(Stack(Path(folder), port=0, webs=2, workers=2, env=env))
        stack.wait_ready(300)
        yield stack, make_key(Path(folder), database=database), cluster


if __name__ == "__main__":
    main()
