"""Rows of all tables as JSON, the same on every database engine."""

import gzip
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.db import connection, models, transaction

CHUNK_ROWS = 1000
_Model = type[models.Model]


def tables(registry: Apps = apps) -> list[_Model]:
    """Return the model of each table, those of many-to-many relations included."""
    found = registry.get_models(include_auto_created=True)
    return sorted((model for model in found if model._meta.managed and not model._meta.proxy), key=label)


def label(model: _Model) -> str:
    return model._meta.label_lower


@contextmanager
def snapshot() -> Iterator[None]:
    """Read the database inside as it is at the first query; writers are not delayed.

    In WAL mode a SQLite read transaction is such a snapshot; on PostgreSQL a repeatable-read transaction is.
    """
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        # Not by Django: its transactions are IMMEDIATE here, and would hold the lock of the writers.
        connection.connection.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            connection.connection.execute("ROLLBACK")
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def chunks(model: _Model) -> Iterator[tuple[bytes, int]]:
    """Yield the table's rows as gzipped JSON, with their number."""
    columns = [field.attname for field in model._meta.concrete_fields]
    rows = model._base_manager.order_by("pk").values_list(*columns).iterator(chunk_size=CHUNK_ROWS)
    while chunk := list(itertools.islice(rows, CHUNK_ROWS)):
        value = {"table": label(model), "columns": columns, "rows": chunk}
        text = json.dumps(value, ensure_ascii=False, default=_json_default)
        yield gzip.compress(text.encode(), mtime=0), len(chunk)


def chunk_read(data: bytes) -> dict[str, Any]:
    """Return `table`, `columns` and `rows` of a chunk. Raises ValueError, EOFError, OSError where it is damaged."""
    chunk: dict[str, Any] = json.loads(gzip.decompress(data))
    return chunk


def chunk_write(model: _Model, chunk: dict[str, Any]) -> None:
    """Insert a chunk's rows as they are: no default and no `auto_now` applies."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    for field in fields.values():
        for automatic in ("auto_now", "auto_now_add"):
            if getattr(field, automatic, False):
                setattr(field, automatic, False)
    readers = [_reader(fields[column]) for column in chunk["columns"]]
    model._base_manager.bulk_create(
        model(**{name: read(value) for name, read, value in zip(chunk["columns"], readers, row, strict=True)})
        for row in chunk["rows"]
    )


def _reader(field: Any) -> Any:
    return (lambda value: value) if isinstance(field, models.JSONField) else field.to_python


def _json_default(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in a backup yet")
