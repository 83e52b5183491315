"""Words in the files of a run: which files are left out, what is written, and the summary."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import xmp
from workers.cli.image_paths import os_error_message
from workers.cli.output import CaptionRecord

OnError = Callable[[str, str], None]
_COLUMNS = (
    "path",
    "title",
    "alt",
    "caption",
    "description",
    "filename",
    "seoTags",
    "kind",
    "confidence",
    "needsReview",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Selected(NamedTuple):
    """A file to be captioned, and its state before."""

    path: str
    state: xmp.FileState | None


@dataclass(frozen=True, slots=True)
class FileOptions:
    write: bool = False
    sidecar: bool = False
    dry_run: bool = False
    only_empty: bool = False
    force: bool = False
    with_iim: bool = False
    on_existing: str | None = None
    csv: str | None = None
    review: str | None = None
    skip_done: str | None = None

    @property
    def is_used(self) -> bool:
        return any((self.write, self.sidecar, self.dry_run, self.only_empty, self.csv, self.review, self.skip_done))

    @property
    def policy(self) -> xmp.Policy:
        if self.on_existing is None:
            return xmp.DEFAULT_POLICY
        return dict.fromkeys(xmp.Field, xmp.OnExisting(self.on_existing))


class FileWriter:
    """Select files, and write what `options` name; `report` gets the path and the reason of what fails."""

    def __init__(self, options: FileOptions, report: OnError, show: Callable[[str], None]) -> None:
        self.options, self.report, self.show = options, report, show
        self.counts: Counter[str] = Counter()
        self.files = ExitStack()
        self.done: set[str] = set()
        self.pending: dict[str, str] = {}  # fingerprints of the files that are being captioned, by path

    def __enter__(self) -> Self:
        options = self.options
        self.csv = _csv_writer(self.files, options.csv)
        self.review = _csv_writer(self.files, options.review)
        self.state: IO[str] | None = None
        if options.skip_done:
            self.state = self.files.enter_context(open(options.skip_done, "a+", encoding="ascii"))  # noqa: PTH123
            self.state.seek(0)
            self.done = {line.strip() for line in self.state if line.endswith("\n")}
        return self

    def __exit__(self, *_error: object) -> None:
        self.files.close()

    def select(self, paths: Iterable[str]) -> Iterator[Selected]:
        """Yield the files that are not left out; one that cannot be read is left to the analysis, which reports it."""
        for path in paths:
            selected = self._selected(path)
            if selected:
                yield selected
            else:
                self.counts["skipped"] += 1

    def save(self, selected: Selected, record: CaptionRecord) -> None:
        """Write a result; its file counts as done when all is written."""
        self.counts["to review"] += record["needsReview"]
        try:
            if self.options.write or self.options.sidecar:
                self._embed(selected, record)
            for writer in (self.csv, self.review if record["needsReview"] else None):
                if writer and not self.options.dry_run:
                    writer(record)
        except xmp.XmpError as error:
            return self.report(selected.path, str(error))
        except OSError as error:
            return self.report(selected.path, f"It cannot be written: {error.strerror or error}.")
        self.counts["done"] += 1
        self._mark_done(selected.path)
        return None

    def summary(self, failed: int) -> str:
        counts = {name: self.counts[name] for name in ("done", "skipped")}
        others = {"failed": failed, "to review": self.counts["to review"], "had words": self.counts["had words"]}
        return ", ".join(f"{count} {name}" for name, count in {**counts, **others}.items())

    def _selected(self, path: str) -> Selected | None:
        try:
            state = xmp.file_state(path)
            if not (self.options.skip_done or self.options.only_empty):
                return Selected(path, state)
            data = Path(path).read_bytes()
        except OSError:
            return Selected(path, None)
        if self.options.skip_done:
            fingerprint = xmp.fingerprint(data)
            if fingerprint in self.done:
                return None
            self.pending[path] = fingerprint
        return None if self.options.only_empty and _has_words(path, data) else Selected(path, state)

    def _embed(self, selected: Selected, record: CaptionRecord) -> None:
        if selected.state is None:
            raise xmp.FileNotReplaced("It is not a regular file.")
        words, provenance = xmp.words_of_metadata(record["metadata"]), _provenance(record)
        target, state = selected.path, selected.state
        if self.options.sidecar:
            target = _sidecar_path(selected.path)
            before = Path(target).read_bytes() if os.path.exists(target) else None  # noqa: PTH110
            state = xmp.file_state(target) if before is not None else None  # type: ignore[assignment]
            written = xmp.write_sidecar(before, words, provenance, policy=self.options.policy)
            old = xmp.read_sidecar(before) if before else xmp.FileWords(xmp.Words())
        else:
            before = Path(target).read_bytes()
            written = xmp.write(
                before,
                words,
                provenance,
                policy=self.options.policy,
                with_iim=self.options.with_iim,
                force=self.options.force,
            )
            old = xmp.read(before)
        self.counts["had words"] += bool(old.words)
        if self.options.dry_run:
            self.show("".join(f"{line}\n" for line in _changes(target, old.words, written.words)))
        elif written.data != before:
            xmp.replace_file(target, written.data, state)
        if written.skipped:
            self.show(f"{target}: {written.skipped}\n")

    def _mark_done(self, path: str) -> None:
        fingerprint = self.pending.pop(path, None)
        if fingerprint and self.state and not self.options.dry_run:
            self.state.write(f"{fingerprint}\n")
            self.state.flush()
            self.done.add(fingerprint)


def shown_words(path: str) -> str:
    """Return the words in a file and its sidecar as a line of JSON. Raises OSError and XmpError."""
    sidecar = _sidecar_path(path)
    found = xmp.read(Path(path).read_bytes())
    beside = xmp.read_sidecar(Path(sidecar).read_bytes()) if Path(sidecar).exists() else None
    line: dict[str, Any] = {"path": path, **_plain(found), "isSigned": found.is_signed}
    return json.dumps({**line, "sidecar": _plain(beside)} if beside else line, ensure_ascii=False)


def show_error(error: Exception) -> str:
    return os_error_message(error) if isinstance(error, OSError) else str(error)


def _plain(found: xmp.FileWords) -> dict[str, Any]:
    models = {str(record.field): record.model for record in found.records}
    return {"words": dict(found.words.texts), "keywords": list(found.words.keywords), "models": models}


def _has_words(path: str, data: bytes) -> bool:
    """Return whether file or sidecar have an alt or a description."""
    sidecar, found = Path(_sidecar_path(path)), list[xmp.FileWords]()
    for read, content in ((xmp.read, data), (xmp.read_sidecar, sidecar.read_bytes() if sidecar.exists() else b"")):
        try:
            found.append(read(content))
        except xmp.XmpError:
            continue
    return any(one.words.text(name) for one in found for name in (xmp.Field.ALT, xmp.Field.DESCRIPTION))


def _sidecar_path(path: str) -> str:
    """Return the name with .xmp behind it: two images that differ in their suffix have a sidecar each."""
    return f"{path}.xmp"


def _provenance(record: CaptionRecord) -> xmp.Provenance:
    time = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    confidence = dict.fromkeys((xmp.Field.ALT, xmp.Field.DESCRIPTION), record["confidence"])
    return xmp.Provenance(record["model"], time, confidence)


def _changes(path: str, old: xmp.Words, new: xmp.Words) -> Iterator[str]:
    for name in new.texts:
        if old.text(name) != new.text(name):
            yield f"{path}: {name}: «{old.text(name)}» → «{new.text(name)}»"
    if old.keywords != new.keywords:
        yield f"{path}: keywords: «{', '.join(old.keywords)}» → «{', '.join(new.keywords)}»"


def _csv_writer(files: ExitStack, path: str | None) -> Callable[[CaptionRecord], None] | None:
    """Return a function that appends a row, or None; the file gets its head once."""
    if path is None:
        return None
    file = files.enter_context(open(path, "a", encoding="utf-8", errors="backslashreplace", newline=""))  # noqa: PTH123, SIM115
    writer = csv.writer(file)
    if not file.tell():
        writer.writerow(_COLUMNS)

    def write(record: CaptionRecord) -> None:
        values = {**record, **record["metadata"]}
        row = [", ".join(value) if isinstance(value := values[name], list) else value for name in _COLUMNS]
        # A spreadsheet would run a cell that begins like a formula.
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row])
        file.flush()

    return write
