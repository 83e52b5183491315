"""How libraries tell that what they reach is away, and who waits for it."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

REDIS_AWAY = (RedisError, OSError)
# InterfaceError, of a connection that is closed already, is no DatabaseError.
DATABASE_AWAY = (DatabaseError, InterfaceError)
_PAUSE_S = 0.5

_T = TypeVar("_T")


def redis_client(timeout_s: float) -> Redis:
    """One that asks once, and tells soon that nobody answers: a request waits for it."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=None,
        # A request has a thread, which has a connection while it asks. Over redis-py's hundred, Redis would seem away.
        max_connections=10_000,
    )


def connection_release() -> None:
    """Before a thread waits for something else: PostgreSQL's pool is small, and without it nobody is served.

    SQLite's connections are its thread's own; one that is opened anew for each call costs 1.5 ms.
    """
    if _is_pooled() and not connection.in_atomic_block:  # whoever opened a transaction goes on with it
        close_old_connections()


def _is_pooled() -> bool:
    return bool(connection.settings_dict["OPTIONS"].get("pool"))


def insist(call: Callable[[], _T]) -> _T:
    """A worker's call of the database: what a model has said is worth some patience. Raises OperationalError or
    InterfaceError when that is over.

    The second call of what had been committed after all finds its claim used, and changes nothing. Between calls the
    thread holds no connection: those that wait for the models could else hold all that PostgreSQL's pool has, and
    nobody could renew their leases.
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
        time.sleep(_PAUSE_S)
