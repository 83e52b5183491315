"""Words of a result in its file or its sidecar, and those that are there."""

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import xmp
from workers.cli.files.options import FileOptions
from workers.cli.output import CaptionRecord
from workers.cli.raw_preview import is_raw


class Change(NamedTuple):
    """`had_words`: before. `lines`: what changes, for `--dry-run`. `note`: what was not written, as a sentence."""

    had_words: bool
    lines: list[str]
    note: str


def write_words(path: str, state: xmp.FileState, record: CaptionRecord, options: FileOptions) -> Change:
    """Write into the file or its sidecar, or neither in a dry run. Raises XmpError and OSError, and nothing changes.

    `state`: of the file before it was analyzed.
    """
    if xmp.file_state(path) != state:
        raise xmp.FileNotReplaced("The file was changed meanwhile and was left as it is.")
    return _write_sidecar(path, record, options) if options.sidecar else _write_file(path, state, record, options)


def has_words(path: str, data: bytes) -> bool:
    """Return whether file or sidecar have an alt or a description, in XMP, IIM or EXIF."""
    found = [xmp.read_if_possible(data).words]
    with contextlib.suppress(xmp.XmpError, FileNotFoundError):
        found.append(xmp.read_sidecar(Path(sidecar_path(path)).read_bytes()).words)
    return any(words.text(name) for words in found for name in (xmp.Field.ALT, xmp.Field.DESCRIPTION))


def shown_words(path: str) -> str:
    """Return the words in a file and its sidecar as a line of JSON. Raises OSError, and XmpError without a sidecar."""
    sidecar = Path(sidecar_path(path))
    beside = xmp.read_sidecar(sidecar.read_bytes()) if sidecar.exists() else None
    try:
        found = xmp.read(Path(path).read_bytes())
    except xmp.UnwritableFormat:
        if beside is None:
            raise
        found = xmp.FileWords(xmp.Words())
    line: dict[str, Any] = {"path": path, **_plain(found), "isSigned": found.is_signed}
    return json.dumps({**line, "sidecar": _plain(beside)} if beside else line, ensure_ascii=False)


def sidecar_path(path: str) -> str:
    """Return the name with .xmp behind it: two images that differ in their suffix have a sidecar each."""
    return f"{path}.xmp"


def _write_sidecar(path: str, record: CaptionRecord, options: FileOptions) -> Change:
    target, before, state = sidecar_path(path), None, None
    if os.path.exists(target):  # noqa: PTH110
        state, before = xmp.file_state(target), Path(target).read_bytes()
    words, provenance = _words(record), _provenance(record)
    beside = None if is_raw(path) else xmp.read_if_possible(Path(path).read_bytes())
    written = xmp.write_sidecar(before, words, provenance, policy=options.policy, beside=beside)
    old = xmp.read_sidecar(before).words if before else xmp.Words()
    change = _replaced(target, before, state, old, written, options)
    return change._replace(had_words=change.had_words or bool(beside and beside.words))


def _write_file(path: str, state: xmp.FileState, record: CaptionRecord, options: FileOptions) -> Change:
    words, provenance, before = _words(record), _provenance(record), Path(path).read_bytes()
    old = xmp.read(before).words
    written = xmp.write(
        before,
        words,
        provenance,
        policy=options.policy,
        with_iim=options.with_iim,
        with_exif=options.with_exif,
        force=options.force,
    )
    return _replaced(path, before, state, old, written, options)


def _replaced(
    path: str,
    before: bytes | None,
    state: xmp.FileState | None,
    old: xmp.Words,
    written: xmp.Written,
    options: FileOptions,
) -> Change:
    if written.data != before and not options.dry_run:
        xmp.replace_file(path, written.data, state)
    return Change(bool(old), list(_changes(path, old, written.words)), written.skipped)


def _changes(path: str, old: xmp.Words, new: xmp.Words) -> Iterator[str]:
    for name, languages in new.texts.items():
        if old.text(name) != new.text(name):
            yield f"{path}: {name}: «{old.text(name)}» → «{new.text(name)}»"
        for tag, text in languages.items():
            before = old.texts.get(name, {}).get(tag, "")
            if tag != xmp.DEFAULT_LANGUAGE and before != text:
                yield f"{path}: {name} ({tag}): «{before}» → «{text}»"
    if old.keywords != new.keywords:
        yield f"{path}: keywords: «{', '.join(old.keywords)}» → «{', '.join(new.keywords)}»"


def _plain(found: xmp.FileWords) -> dict[str, Any]:
    models = {str(record.field): record.model for record in found.records}
    return {"words": dict(found.words.texts), "keywords": list(found.words.keywords), "models": models}


def _words(record: CaptionRecord) -> xmp.Words:
    return xmp.words_of_metadata(record["metadata"], record.get("translations"))


def _provenance(record: CaptionRecord) -> xmp.Provenance:
    time = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    confidence = dict.fromkeys((xmp.Field.ALT, xmp.Field.DESCRIPTION), record["confidence"])
    return xmp.Provenance(record["model"], time, confidence)
