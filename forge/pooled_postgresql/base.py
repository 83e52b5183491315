"""The name of this module is Django's: ENGINE is the package."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg_pool import ConnectionPool


def connection_check(connection: "Connection[Any]") -> None:
    """Raise OperationalError where the server has closed the connection.

    A server that ends, or a proxy, closes its socket, which then is readable. Nothing else is sent unasked but rare
    notices, for which a statement is run as psycopg's own check does for every connection.
    """
    readable = select.poll()
    readable.register(connection.fileno(), select.POLLIN)
    if readable.poll(0):
        ConnectionPool.check_connection(connection)


class DatabaseWrapper(base.DatabaseWrapper):
    """Check each connection as it is taken from the pool; Django can only switch psycopg's own check on."""

    @property
    def pool(self) -> Any:
        pool = super().pool
        if pool is not None:
            pool._check = connection_check
        return pool
