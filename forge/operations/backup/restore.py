"""Restore an archive: verify all of it, then replace the database in one transaction.

The tables are made as the archive's version had them, filled, and migrated: an archive of an earlier version takes the
path that its database would have taken.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from forge.operations.backup import rows
from forge.operations.backup.archive import FILES, FORMAT, MANIFEST, ROWS, SECRET_KEY, BackupError, members
from forge.operations.backup.dump import Backup, Progress
from forge.storage import objects_delete

_PREFIXES = ("forge_", "auth_", "django_")


def backup_verify(path: Path, progress: Progress = lambda _what, _done, _total: None) -> Backup:
    """Read the whole archive. Raises BackupError where it is damaged, truncated or of a newer version."""
    found = Backup()
    size = path.stat().st_size
    with path.open("rb") as file:
        for name, length, content in members(file):
            if name == MANIFEST:
                _require_known(json.load(content))
            elif name.startswith(ROWS):
                chunk = _chunk(content)
                found.tables[chunk["table"]] += len(chunk["rows"])
            elif name.startswith(FILES):
                found.files += 1
                found.size += length
            progress("bytes verified", file.tell(), size)
    return found


def _chunk(content: IO[bytes]) -> dict[str, Any]:
    try:
        return rows.chunk_read(content.read())
    except (OSError, EOFError, ValueError) as error:
        raise BackupError(f"The archive is damaged: rows cannot be read ({error}).") from error


def _require_known(manifest: dict[str, Any]) -> None:
    if manifest["format"] > FORMAT:
        raise BackupError(f"The archive has format {manifest['format']}, and this version reads up to {FORMAT}.")
    known = MigrationLoader(None).graph.nodes
    unknown = [".".join(leaf) for leaf in manifest["migrations"] if tuple(leaf) not in known]
    if unknown:
        raise BackupError(
            f"The archive is of a newer version: it has {unknown[0]}. Install that version or a later one."
        )


def backup_restore(path: Path, replace: bool = False, progress: Progress = lambda _what, _done, _total: None) -> Backup:
    """Verify and restore an archive. Raises BackupError; the database is then as before.

    `replace`: deletes the rows that the database has. Its files are left to the sweep of orphaned files.
    """
    expected = backup_verify(path, progress)
    if not replace and (table := _first_filled_table()):
        raise BackupError(f"The database is not empty (table {table}). --replace deletes what it has.")
    with _created_files() as created, _without_constraints(), transaction.atomic():
        _drop_tables()
        secret_key = _load(path, expected, created, progress)
        leaves = MigrationLoader(None).graph.leaf_nodes()
        connection.check_constraints()
        MigrationExecutor(connection).migrate(leaves)
    call_command("migrate", interactive=False, verbosity=0)  # permissions of models that came later
    _restore_secret_key(secret_key)
    return expected


def _load(path: Path, expected: Backup, created: list[str], progress: Progress) -> str:
    """Make the archive's tables and fill them; return its secret key."""
    models: dict[str, Any] = {}
    loaded = Counter[str]()
    secret_key, done = "", 0
    with path.open("rb") as file:
        for name, length, content in members(file):
            if name == MANIFEST:
                models = _make_tables([tuple(leaf) for leaf in json.load(content)["migrations"]])
            elif name == SECRET_KEY:
                secret_key = content.read().decode()
            elif name.startswith(ROWS):
                chunk = _chunk(content)
                rows.chunk_write(models[chunk["table"]], chunk)
                loaded[chunk["table"]] += len(chunk["rows"])
                progress("rows", loaded.total(), expected.tables.total())
            elif name.startswith(FILES):
                _save_file(name.removeprefix(FILES), length, content, created)
                done += length
                progress("bytes of uploads", done, expected.size)
    _reset_sequences(list(models.values()))
    return secret_key


def _make_tables(leaves: list[Any]) -> dict[str, Any]:
    executor = MigrationExecutor(connection)
    executor.migrate(leaves)
    return {rows.label(model): model for model in rows.tables(executor.loader.project_state(leaves).apps)}


def _save_file(key: str, size: int, content: IO[bytes], created: list[str]) -> None:
    """Save an upload under its key; one that is there has the same content, since keys are never used twice."""
    if default_storage.exists(key):
        if default_storage.size(key) == size:
            return
        default_storage.delete(key)
    created.append(key)
    saved = default_storage.save(key, _SizedFile(content, size))
    if saved != key:
        raise BackupError(f"The storage saved {key} as {saved}.")


class _SizedFile(File):  # type: ignore[type-arg]
    """A member of the archive, which cannot seek."""

    def __init__(self, content: IO[bytes], size: int) -> None:
        super().__init__(content, name="upload")
        self._content, self.size = content, size

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        while data := self._content.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield data


@contextmanager
def _created_files() -> Iterator[list[str]]:
    """Yield a list of saved files, which are removed where the restore fails."""
    created: list[str] = []
    try:
        yield created
    except BaseException:
        objects_delete(created)
        raise


@contextmanager
def _without_constraints() -> Iterator[None]:
    """SQLite cannot change its tables in a transaction that checks foreign keys; they are checked before its end."""
    connection.disable_constraint_checking()
    try:
        yield
    finally:
        connection.enable_constraint_checking()


def _tables() -> list[str]:
    return [name for name in connection.introspection.table_names() if name.startswith(_PREFIXES)]


def _first_filled_table() -> str | None:
    existing = set(_tables())
    for model in rows.tables():
        # Every migrated database has content types, permissions and the list of migrations.
        if model._meta.app_label == "contenttypes" or rows.label(model) == "auth.permission":
            continue
        if model._meta.db_table in existing and model._base_manager.exists():
            return model._meta.db_table
    return None


def _drop_tables() -> None:
    cascade = " CASCADE" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in _tables():
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}{cascade}")


def _reset_sequences(models: list[Any]) -> None:
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(sql)


def _restore_secret_key(secret_key: str) -> None:
    """Write the key where this installation has its own; a SECRET_KEY of the environment is the operator's."""
    path = settings.FORGE_DATA / "secret_key"
    if path.exists() and path.read_text() == settings.SECRET_KEY:
        path.write_text(secret_key)
