"""Errors that mean that the database cannot be reached, and calls that wait until it can."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

logger = logging.getLogger(__name__)

# InterfaceError, of a connection that is closed already, is no DatabaseError.
DATABASE_ERRORS = (DatabaseError, InterfaceError)
_RETRY_S = 0.5

_T = TypeVar("_T")


def connection_release() -> None:
    """Give the thread's pooled connection back before the thread waits for something else.

    PostgreSQL's pool is small (FORGE_DATABASE_POOL). SQLite connections stay open: to open one costs 1.5 ms.
    """
    if _is_pooled() and not connection.in_atomic_block:  # whoever opened a transaction goes on with it
        close_old_connections()


def _is_pooled() -> bool:
    return bool(connection.settings_dict["OPTIONS"].get("pool"))


def retry_until_available(call: Callable[[], _T]) -> _T:
    """Run a worker's database call again until it succeeds or FORGE_ANALYSIS_TIMEOUT_S is over.

    Raises OperationalError or InterfaceError after that. A call that had been committed after all is harmless when
    repeated: its claim is used, so its compare-and-swap changes no row. Between attempts the thread holds no
    connection; threads that wait for the models could otherwise hold the whole PostgreSQL pool, and no lease could be
    renewed.
    """
    deadline = time.monotonic() + settings.FORGE_ANALYSIS_TIMEOUT_S
    while True:
        try:
            answer = call()
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("The database is away (%s); trying again.", error)
        else:
            connection_release()
            return answer
        close_old_connections()
        time.sleep(_RETRY_S)
