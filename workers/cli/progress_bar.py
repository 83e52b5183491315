"""A progress bar on stderr that can be hidden."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBar:
    def __init__(self, *, total: int, shown: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        disable = not (shown and console.is_interactive)
        self._progress = Progress(*columns, console=console, transient=True, disable=disable)
        self._task = self._progress.add_task("loading the models", total=total, start=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def start_captioning(self) -> None:
        """Start the estimate of the remaining time."""
        self._progress.start_task(self._task)
        self._progress.update(self._task, description="captioning")

    def advance(self) -> None:
        self._progress.advance(self._task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bar during output: stdout and stderr may be the same terminal."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()
