"""Decode the whole hostile corpus, handmade files and a few thousand mutated ones, and count the outcomes.

Then send requests that cost their sender little, and measure what they cost the service and other accounts.

The last line is the share of files that ended in an image or in a coded error; anything under 1 is a fault.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from benchmarks import _hostile_requests
from tests.hostile.corpus import CASES, HEAVY, Build
from tests.hostile.mutations import PER_IMAGE, mutated
from tests.hostile.runner import ReadOutcome, read_all

SLOWEST = 8


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="without the heavy files, five mutations of each format"
    )
    arguments.add_argument("--seed", type=int, default=20, help="of the mutations")
    options = arguments.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for outcome in read_all(cases(quick=options.quick, seed=options.seed), {"FORGE_DATA": folder}):
            outcomes.append(outcome)
            if outcome.fault:
                print(outcome.fault, flush=True)
    console = Console(width=120)
    console.print(outcome_table(outcomes))
    console.print(largest(outcomes))
    console.print(request_table(quick=options.quick))
    good = sum(not outcome.fault for outcome in outcomes)
    print(f"{good} of {len(outcomes)} ended in an image or a coded error")
    print(f"hostile: {good / len(outcomes):.4f}")


def cases(*, quick: bool, seed: int) -> Iterator[tuple[str, Build]]:
    yield from ((name, build) for name, build in CASES.items() if not (quick and name in HEAVY))
    yield from mutated(5 if quick else PER_IMAGE, seed)


def outcome_table(outcomes: list[ReadOutcome]) -> Table:
    table = Table("upload", "worker", "handmade", "mutated")
    counts = Counter((outcome.checked, outcome.decoded, outcome.name in CASES) for outcome in outcomes)
    for checked, decoded in sorted({(checked, decoded) for checked, decoded, _ in counts}):
        table.add_row(checked, decoded, *(str(counts[checked, decoded, handmade]) for handmade in (True, False)))
    return table


def largest(outcomes: list[ReadOutcome]) -> Table:
    table = Table("slowest and largest", "CPU seconds", "MB beyond the process's own")
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:SLOWEST]
    for outcome in [*slowest, *sorted(outcomes, key=lambda outcome: -outcome.megabytes)[:SLOWEST]]:
        table.add_row(outcome.name, f"{outcome.seconds:.1f}", str(outcome.megabytes))
    return table


def request_table(*, quick: bool) -> Table:
    table = Table("requests", "cost")
    for kind in _hostile_requests.KINDS:
        for row in kind(quick=quick):
            table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
