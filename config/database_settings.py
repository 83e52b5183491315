"""How SQLite and PostgreSQL are connected to."""

from typing import Any


def database_settings(database: dict[str, Any], *, pool_size: int, is_pooled: bool) -> dict[str, Any]:
    """Return Django's settings of a database with our backend. `is_pooled`: by a pooler in transaction mode."""
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["ENGINE"] = "forge.queued_sqlite3"  # write transactions wait in order
        database["OPTIONS"] = {
            # In the default (deferred) mode a transaction that reads and then writes fails with «database is locked»,
            # however long the timeout.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        return database
    database["ENGINE"] = "forge.pooled_postgresql"  # its check of a connection takes no round trip
    database.setdefault("OPTIONS", {})["pool"] = {"min_size": 0, "max_size": pool_size, "timeout": 20}
    # Else a host that drops packets holds a thread of the pool for minutes.
    database["OPTIONS"].setdefault("connect_timeout", 5)
    # Else each connection that the pool kept over a restart of the server fails one request or one image.
    database["CONN_HEALTH_CHECKS"] = True
    # A pooler in transaction mode may fetch from another connection than the one that has the cursor.
    database["DISABLE_SERVER_SIDE_CURSORS"] = is_pooled
    return database
