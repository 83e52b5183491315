"""Database outages: the errors that signal one, and calls that retry until it is over."""

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.sql import UpdateQuery

logger = logging.getLogger(__name__)

# InterfaceError (the connection is closed) is not a subclass of DatabaseError.
DATABASE_ERRORS = (DatabaseError, InterfaceError)
_RETRY_S = 0.5

_T = TypeVar("_T")
_M = TypeVar("_M", bound=Model)


def connection_release() -> None:
    """Return the thread's pooled connection before the thread waits for something else.

    PostgreSQL's pool is small (FORGE_DATABASE_POOL). SQLite connections stay open: opening one costs 1.5 ms.
    """
    if _is_pooled() and not connection.in_atomic_block:  # a transaction needs its connection
        close_old_connections()


def _is_pooled() -> bool:
    return bool(connection.settings_dict["OPTIONS"].get("pool"))


def sqlite_files_make_private(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let no other user read a SQLite database in the data folder; Django's signal `connection_created` calls it."""
    path = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor != "sqlite" or not path.is_relative_to(settings.FORGE_DATA):
        return
    with contextlib.suppress(OSError):  # another user's
        if path.stat().st_mode & 0o077:
            for suffix in ("", "-wal", "-shm"):  # SQLite makes later ones like the database
                file = path.with_name(path.name + suffix)
                if file.exists():
                    file.chmod(0o600)


def retry_until_available(call: Callable[[], _T]) -> _T:
    """Retry a worker's database call until it succeeds or FORGE_ANALYSIS_TIMEOUT_S is over.

    Raises OperationalError or InterfaceError after that. A committed call can be repeated: its compare-and-swap then
    changes no row. Between attempts the thread holds no connection: threads that wait for the models could otherwise
    exhaust the PostgreSQL pool, and no lease could be renewed.
    """
    deadline = time.monotonic() + settings.FORGE_ANALYSIS_TIMEOUT_S
    while True:
        try:
            result = call()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("The database is unreachable (%s); retrying.", error)
        else:
            connection_release()
            return result
        close_old_connections()
        time.sleep(_RETRY_S)


def update_returning(rows: QuerySet[_M], **changes: Any) -> list[_M]:
    """Update rows of one table and return them as changed, in one statement.

    Django's `QuerySet.update` (5.2) returns their number only.
    """
    query = cast("UpdateQuery", rows.query.chain(UpdateQuery))
    query.add_update_values(changes)
    compiler = query.get_compiler(rows.db)
    sql, params = compiler.as_sql()
    fields = rows.model._meta.concrete_fields
    returned = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {returned}", params)
        found = cursor.fetchall()
    converters = compiler.get_converters([field.cached_col for field in fields])
    names = [field.attname for field in fields]
    return [rows.model.from_db(rows.db, names, row) for row in compiler.apply_converters(found, converters)]
