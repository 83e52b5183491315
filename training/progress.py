"""Progress bars on a terminal, a log line every 20 seconds elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")
LOG_EVERY_S = 20.0


def progress(items: Iterable[T], *, total: int, label: str) -> Iterator[T]:
    if sys.stderr.isatty():
        yield from _bar(items, total, label)
        return
    start = logged_at = time.monotonic()
    for number, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - logged_at > LOG_EVERY_S or number == total:
            logged_at = now
            print(f"{label}: {number}/{total} after {now - start:.0f} s", file=sys.stderr, flush=True)


def _bar(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as bars:
        task = bars.add_task(label, total=total)
        for item in items:
            yield item
            bars.advance(task)
