"""Write an archive while the service runs."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Sum

from forge.clock import database_now
from forge.models import Image, ImageAnalysis
from forge.operations.backup import rows
from forge.operations.backup.archive import FILES, FORMAT, MANIFEST, ROWS, SECRET_KEY, ArchiveWriter, BackupError
from forge.sessions.stored_images import variant_keys

Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass
class Backup:
    """What an archive has. `missing`: storage keys of files that were deleted after the snapshot of the rows."""

    tables: Counter[str] = field(default_factory=Counter)
    files: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list)


def backup_write(path: Path, progress: Progress = lambda _what, _done, _total: None) -> Backup:
    """Write the archive to a new file with mode 0600. Raises BackupError."""
    _require_migrated()
    backup = Backup()
    with _new_file(path) as file, tempfile.TemporaryFile("w+", encoding="utf-8") as keys:
        archive = ArchiveWriter(file)
        with rows.snapshot():
            archive.add_json(MANIFEST, _manifest())
            archive.add_bytes(SECRET_KEY, settings.SECRET_KEY.encode())
            _write_rows(archive, backup, progress)
            size = Image.objects.aggregate(size=Sum("size"))["size"] or 0
            keys.writelines(f"{key}\n" for key in Image.objects.values_list("storage_key", flat=True).iterator())
            keys.writelines(f"{key}\n" for _, key in variant_keys(ImageAnalysis.objects.all()))
        # Files are written once, before their rows: after the snapshot they can only disappear.
        keys.seek(0)
        for key in keys:
            _write_file(archive, backup, key.rstrip("\n"))
            progress("bytes of uploads", backup.size, size)
        archive.end({"tables": dict(backup.tables), "files": backup.files, "missing": backup.missing})
    return backup


def _manifest() -> dict[str, object]:
    leaves = sorted(MigrationLoader(None).graph.leaf_nodes())
    return {
        "format": FORMAT,
        "createdAt": database_now().isoformat(),
        "engine": connection.vendor,
        "migrations": [list(leaf) for leaf in leaves],
    }


def _write_rows(archive: ArchiveWriter, backup: Backup, progress: Progress) -> None:
    models = rows.tables()
    total = sum(model._base_manager.count() for model in models)
    number = 0
    for model in models:
        backup.tables[rows.label(model)] = 0
        for data, count in rows.chunks(model):
            number += 1
            archive.add_bytes(f"{ROWS}{number:06}-{rows.label(model)}.json.gz", data)
            backup.tables[rows.label(model)] += count
            progress("rows", backup.tables.total(), total)


def _write_file(archive: ArchiveWriter, backup: Backup, key: str) -> None:
    try:
        with default_storage.open(key) as file:
            archive.add(f"{FILES}{key}", file.size, file)
            backup.files += 1
            backup.size += file.size
    except FileNotFoundError:
        backup.missing.append(key)


def _require_migrated() -> None:
    loader = MigrationLoader(connection)
    if behind := sorted(set(loader.graph.leaf_nodes()) - set(loader.applied_migrations)):
        raise BackupError(f"The database lacks migrations ({'.'.join(behind[0])}). Run bin/manage migrate first.")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name when it is complete."""
    if path.exists():
        raise BackupError(f"{path} exists. Give the name of a new file.")
    try:
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    except OSError as error:
        raise BackupError(f"{path} cannot be written ({error.strerror}).") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(partial).rename(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
