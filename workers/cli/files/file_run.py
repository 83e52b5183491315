"""The files of a run: which are left out, what is done with each result, and the summary."""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

import xmp
from workers.cli.filenames import UniqueFilenames
from workers.cli.files.csv_files import CsvFile, row_of
from workers.cli.files.done_files import INCOMPLETE, DoneFiles
from workers.cli.files.failures import Failures
from workers.cli.files.new_names import NewNames
from workers.cli.files.options import FileOptions
from workers.cli.files.renames import Move, UndoList, moves_of
from workers.cli.files.words import has_words, sidecar_path, write_words
from workers.cli.output import CaptionRecord, with_filename
from workers.cli.raw_preview import is_raw

OnError = Callable[[str, str], None]


class Selected(NamedTuple):
    """A file to be captioned; state and fingerprint of before, where they are needed and can be read."""

    path: str
    state: xmp.FileState | None = None
    fingerprint: str = ""


class FileRun:
    """Select files, and do what `options` name; `report` gets the path and the reason of what fails.

    Words are written first, then the steps of the unfinished image are recorded: moves and rows, which a run that
    follows a killed one completes, each once. Then the image counts as done.
    """

    def __init__(
        self,
        options: FileOptions,
        report: OnError,
        show: Callable[[str], None],
        *,
        max_bytes: int,
        options_key: str = "",
    ) -> None:
        """`options_key`: workers.cli.files.done_files.options_key of the options that the words follow."""
        self.options, self.report, self.show, self.max_bytes = options, report, show, max_bytes
        self._options_key = options_key
        self.counts: Counter[str] = Counter()
        self.filenames = UniqueFilenames()
        self.new_names = NewNames(options.rename) if options.rename else None
        self.on_done: Callable[[str], None] = lambda _path: None
        self._files = ExitStack()
        self._done: DoneFiles | None = None
        self._undo_list: UndoList | None = None
        self._tables: dict[str, CsvFile] = {}

    def __enter__(self) -> Self:
        """Open the files of the options, and complete what a killed run left. Raises OSError and ValueError."""
        with self._files:
            self._open()
            self._files = self._files.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._files.close()

    def select(self, paths: Iterable[str]) -> Iterator[Selected]:
        """Yield the files that are not left out; one that cannot be read is left to the analysis, which reports it."""
        for path in paths:
            selected = self._selected(path)
            if selected:
                yield selected
            else:
                self.counts["skipped"] += 1

    def save(self, selected: Selected, record: CaptionRecord, candidates: Sequence[str]) -> CaptionRecord | None:
        """Do with a result all that the options name; None, after a report, where that fails.

        The record returned has the file name of `candidates`, best first, that the file got.
        """
        self.counts["to review"] += record["needsReview"]
        try:
            saved = self._saved(selected, record, candidates)
        except (xmp.XmpError, OSError) as error:
            self.report(selected.path, _sentence(error))
            return None
        self.counts["done"] += 1
        return saved

    def summary(self, failures: Failures) -> list[str]:
        counts = {name: self.counts[name] for name in ("done", "skipped")}
        others = {name: self.counts[name] for name in ("to review", "had words")}
        names = {**counts, "failed": failures.count, **others}
        return [*failures.lines(), ", ".join(f"{count} {name}" for name, count in names.items())]

    def _open(self) -> None:
        options = self.options
        changes = not options.dry_run
        for path in filter(None, (options.csv, options.review) if changes else ()):
            self._table(path)
        if options.rename and changes:
            self._opened_undo_list(options.undo_list)
        if options.skip_done:
            self._done = DoneFiles(options.skip_done, self._options_key)
            self._files.callback(self._done.close)
            self.filenames.take(self._done.read())
            if changes:
                self._complete(self._done)

    def _table(self, path: str) -> CsvFile:
        path = os.path.abspath(path)  # noqa: PTH100
        if path not in self._tables:
            self._tables[path] = CsvFile(path)
            self._files.callback(self._tables[path].close)
        return self._tables[path]

    def _opened_undo_list(self, path: str) -> UndoList:
        if self._undo_list is None:
            self._undo_list = UndoList(path)
            self._files.callback(self._undo_list.close)
        return self._undo_list

    def _complete(self, done: DoneFiles) -> None:
        steps = done.unfinished()
        if steps:
            self._perform(steps)
            done.add(steps["fingerprint"], steps["path"], steps["filename"], steps.get("options", ""))
            self.on_done(steps["path"])
        done.end()

    def _selected(self, path: str) -> Selected | None:
        try:
            found = os.stat(path)  # noqa: PTH116 (names may hold bytes that are no text)
            if not stat.S_ISREG(found.st_mode):
                return Selected(path)
            state = xmp.file_state(path)
            for name in (path, sidecar_path(path)) if self.options.write or self.options.sidecar else ():
                xmp.remove_leftover(name)
            is_read = is_raw(path) or found.st_size <= self.max_bytes
            if not is_read or not (self.options.skip_done or self.options.only_empty):
                return Selected(path, state)
            fingerprint, data = _fingerprint(path)
        except OSError:
            return Selected(path)
        fingerprint = fingerprint if self._done else ""
        if self._done and self._done.has(fingerprint, path):
            return None
        if self.options.only_empty and has_words(path, data):
            return None
        if self._done:
            self.filenames.release(self._done.filename(fingerprint, path))
        return Selected(path, state, fingerprint)

    def _saved(self, selected: Selected, record: CaptionRecord, candidates: Sequence[str]) -> CaptionRecord:
        options = self.options
        if options.write or options.sidecar:
            self._write_words(selected, record)
        target, named = selected.path, record
        if self.new_names:
            target = self.new_names.choose(record, candidates)
            named = with_filename(record, os.path.splitext(os.path.basename(target))[0])  # noqa: PTH119, PTH122
        elif "filename" in record["metadata"]:
            named = with_filename(record, self.filenames.reserve(candidates))
        if self.new_names and target != selected.path and options.dry_run:
            self.show(f"{selected.path} → {target}\n")
        if not options.dry_run:
            self._finish(selected, target, named)
        if self.new_names:
            self.new_names.renamed(selected.path, target)
        return named

    def _write_words(self, selected: Selected, record: CaptionRecord) -> None:
        if selected.state is None:
            raise xmp.FileNotReplaced("It is not a regular file.")
        change = write_words(selected.path, selected.state, record, self.options)
        self.counts["had words"] += change.had_words
        if self.options.dry_run:
            self.show("".join(f"{line}\n" for line in change.lines))
        if change.note:
            self.show(f"{selected.path}: {change.note}\n")

    def _finish(self, selected: Selected, target: str, record: CaptionRecord) -> None:
        """Do what a killed run must not do twice, and count the image as done."""
        steps: dict[str, Any] = {
            "fingerprint": selected.fingerprint,
            "path": os.path.abspath(target),  # noqa: PTH100
            "filename": record["metadata"].get("filename", ""),
            "options": INCOMPLETE if record.get("translationErrors") else self._options_key,
            "undoList": os.path.abspath(self.options.undo_list),  # noqa: PTH100
            "moves": moves_of(selected.path, target),
            "rows": self._rows(record),
        }
        done = self._done if selected.fingerprint else None
        if done and (steps["moves"] or steps["rows"]):
            done.begin(steps)
        try:
            self._perform(steps)
        except OSError:
            if self.new_names:
                self.new_names.forget()
            if done:
                done.end()
            raise
        if done:
            done.add(selected.fingerprint, target, steps["filename"], steps["options"])
            done.end()
        self.on_done(target)

    def _rows(self, record: CaptionRecord) -> list[tuple[str, int, str]]:
        chosen = [self.options.csv, self.options.review if record["needsReview"] else None]
        tables = [self._table(path) for path in chosen if path]
        return [(table.path, table.size, row_of(record).decode()) for table in tables]

    def _perform(self, steps: dict[str, Any]) -> None:
        """Do moves and rows that are not done yet. Raises OSError; then no row is left."""
        moves = [move for move in (Move(*move) for move in steps["moves"]) if os.path.lexists(move.source)]
        if moves:
            self._opened_undo_list(steps["undoList"]).apply(moves)
        try:
            for path, at, row in steps["rows"]:
                self._table(path).append(row.encode(), at)
        except OSError:
            for path, at, row in steps["rows"]:
                self._table(path).take_back(row.encode(), at)
            raise


def _fingerprint(path: str) -> tuple[str, bytes]:
    """Return fingerprint and content; a raw file is read in parts, and has no content of interest."""
    with open(path, "rb") as file:  # noqa: PTH123
        if is_raw(path):
            return hashlib.file_digest(file, "sha256").hexdigest(), b""
        data = file.read()
    return xmp.fingerprint(data), data


def _sentence(error: Exception) -> str:
    return f"It cannot be written: {error.strerror or error}." if isinstance(error, OSError) else str(error)
