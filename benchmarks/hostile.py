"""Decode the whole hostile corpus, handmade files and a few thousand mutated ones, and send hostile requests.

Write words into two thousand more: each is refused with a code, or its pixels are as before.

Then send requests that cost their sender little, and measure what they cost the service and other accounts.

The last line is the share of files that ended in an image, in words without harm, or in a coded error, and of kinds of
requests that were refused or served while another caller was still served after them; anything under 1 is a fault.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from benchmarks import _hostile_requests
from benchmarks._refused_requests import RequestOutcome, request_outcomes
from tests.hostile.corpus import CASES, HEAVY, Build
from tests.hostile.mutated_words import WRITABLE
from tests.hostile.mutated_words import outcome as written_outcome
from tests.hostile.mutations import PER_IMAGE, mutated
from tests.hostile.runner import ReadOutcome, read_all

SLOWEST = 8
WRITES = 2_000  # of words, into mutated files


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--quick", action="store_true", help="without the heavy files, five mutations of each format, fewer requests"
    )
    arguments.add_argument("--without-files", action="store_true", help="the requests alone")
    arguments.add_argument("--seed", type=int, default=20, help="of the mutations")
    options = arguments.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = () if options.without_files else cases(quick=options.quick, seed=options.seed)
        for outcome in read_all(chosen, {"FORGE_DATA": folder}):
            outcomes.append(outcome)
            if outcome.fault:
                print(outcome.fault, flush=True)
    console = Console(width=120)
    console.print(outcome_table(outcomes))
    console.print(largest(outcomes))
    console.print(cost_table(quick=options.quick))
    good = sum(not outcome.fault for outcome in outcomes)
    print(f"{good} of {len(outcomes)} ended in an image or a coded error")
    writes = Counter(write_outcomes(100 if options.quick else WRITES, options.seed))
    console.print(write_table(writes))
    unharmed = sum(count for name, count in writes.items() if not name.startswith("FAULT"))
    print(f"{unharmed} of {writes.total()} mutated files got words, or were refused, without harm")
    requests = list(request_outcomes(quick=options.quick))
    console.print(request_table(requests))
    refused = sum(not outcome.is_fault for outcome in requests)
    print(f"{refused} of {len(requests)} kinds of requests left the service to others")
    total = len(outcomes) + writes.total() + len(requests)
    print(f"hostile: {(good + unharmed + refused) / total:.4f}")


def cases(*, quick: bool, seed: int) -> Iterator[tuple[str, Build]]:
    yield from ((name, build) for name, build in CASES.items() if not (quick and name in HEAVY))
    yield from mutated(5 if quick else PER_IMAGE, seed)


def write_outcomes(count: int, seed: int) -> Iterator[str]:
    """Yield what becomes of words that are written into mutated files, every second time with IIM and EXIF."""
    for number in range(count):
        name = WRITABLE[number % len(WRITABLE)]
        result = written_outcome(name, number // len(WRITABLE), seed, with_more=number % 2 > 0)
        if result.startswith("FAULT"):
            print(result, flush=True)
        yield result


def write_table(outcomes: Counter[str]) -> Table:
    table = Table("words into mutated files", "files")
    for name, count in outcomes.most_common():
        table.add_row(name[:100], str(count))
    return table


def outcome_table(outcomes: list[ReadOutcome]) -> Table:
    table = Table("upload", "worker", "handmade", "mutated")
    counts = Counter((outcome.checked, outcome.decoded, outcome.name in CASES) for outcome in outcomes)
    for checked, decoded in sorted({(checked, decoded) for checked, decoded, _ in counts}):
        table.add_row(checked, decoded, *(str(counts[checked, decoded, handmade]) for handmade in (True, False)))
    return table


def request_table(outcomes: list[RequestOutcome]) -> Table:
    table = Table("requests", "statuses", "seconds", "MB more", "threads", "another caller then, s")
    for outcome in outcomes:
        statuses = ", ".join(f"{number} x {status or 'closed'}" for status, number in sorted(outcome.statuses.items()))
        then = "not served" if outcome.served_s is None else f"{outcome.served_s:.2f}"
        figures = (f"{outcome.seconds:.1f}", f"{outcome.megabytes:.0f}", str(outcome.threads))
        table.add_row(("FAULT " if outcome.is_fault else "") + outcome.name, statuses, *figures, then)
    return table


def largest(outcomes: list[ReadOutcome]) -> Table:
    table = Table("slowest and largest", "CPU seconds", "MB beyond the process's own")
    slowest = sorted(outcomes, key=lambda outcome: -outcome.seconds)[:SLOWEST]
    for outcome in [*slowest, *sorted(outcomes, key=lambda outcome: -outcome.megabytes)[:SLOWEST]]:
        table.add_row(outcome.name, f"{outcome.seconds:.1f}", str(outcome.megabytes))
    return table


def cost_table(*, quick: bool) -> Table:
    table = Table("requests", "cost")
    for kind in _hostile_requests.KINDS:
        for row in kind(quick=quick):
            table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
