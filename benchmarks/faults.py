"""What is lost when parts of the service die under load: events missing, doubled or out of order, images with no end,
credits off. The scenarios are those of tests/e2e/test_faults.py in their long form; every count must be 0.
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

from benchmarks._service import key_of
from forge.stack import Stack
from tests.e2e.running_stack import ENV, small_disk
from tests.e2e.scenarios import SCENARIOS, Scenario, ScenarioResult, run_scenario
from tests.postgres import MISSING, Cluster, programs, throwaway

CLIENTS = 6
COLUMNS = (
    "scenario", "images", "missing", "duplicated", "out of order", "no end", "credits off", "failed", "refused",
    "resumed", "silence, s", "took, s", "noted",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the short form of each scenario")
    parser.add_argument("--images", type=int, default=10_000, help="at least so many over all scenarios")
    parser.add_argument("--only", default="", metavar="WORDS", help="the scenarios whose names have these words")
    arguments = parser.parse_args()
    chosen = [s for s in SCENARIOS if arguments.only in s.name and not (arguments.quick and s.short is None)]
    images = 0 if arguments.quick else arguments.images
    table = Table(*COLUMNS)
    total, wrong = 0, 0
    for scenario, outcome in _outcomes(chosen, images, quick=arguments.quick):
        # Each line as soon as it is known: a run takes long, and what was measured is not lost with it.
        print(f"{scenario.name}: {outcome}", file=sys.stderr, flush=True)
        if isinstance(outcome, Exception):
            table.add_row(scenario.name, *[""] * (len(COLUMNS) - 2), f"not as promised: {outcome}")
            wrong += 1
            continue
        table.add_row(scenario.name, *_cells(outcome))
        total += outcome.counts.images
        wrong += outcome.wrong
    Console(width=200).print(table)
    print(f"faults: {wrong} wrong in {total} images")


def _cells(outcome: ScenarioResult) -> list[str]:
    counts, audit = outcome.counts, outcome.audit
    numbers = (
        counts.images,
        counts.missing,
        counts.duplicated,
        counts.out_of_order,
        counts.unfinished + audit.unfinished,
    )
    rest = (audit.credits_off, counts.failures.total(), counts.refused, counts.resumed)
    times = (f"{counts.longest_silence_s:.1f}", f"{outcome.seconds:.0f}", "; ".join(outcome.notes))
    return [*map(str, numbers), *map(str, rest), *times]


def _outcomes(
    chosen: list[Scenario], images: int, *, quick: bool
) -> Iterator[tuple[Scenario, ScenarioResult | Exception]]:
    """Each scenario on one stack with SQLite, then those that need it on one with PostgreSQL."""
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
                    outcome = run_scenario(
                        scenario, given, stack=stack, key=key, clients=CLIENTS, least_jobs=jobs, cluster=cluster
                    )
                except (AssertionError, httpx.HTTPError) as error:
                    yield scenario, error
                    continue
                yield scenario, outcome
                images_left -= outcome.counts.images


@contextmanager
def service(*, postgres: bool) -> Iterator[tuple[Stack, str, Cluster | None]]:
    """Two web servers and two workers with the scripted model, and a key with credits enough."""
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        cluster = opened.enter_context(throwaway()) if postgres else None
        database = cluster.url if cluster else None
        opened.enter_context(small_disk(Path(folder)))
        env = {**ENV, "DATABASE_URL": database}
        stack = opened.enter_context(Stack(Path(folder), port=0, webs=2, workers=2, env=env))
        stack.wait_ready(300)
        yield stack, key_of(Path(folder), database=database), cluster


if __name__ == "__main__":
    main()
