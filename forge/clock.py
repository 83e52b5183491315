"""The database's clock: times of one machine are never compared with another machine's."""

from datetime import UTC, datetime

from django.db import connection

_STATEMENTS = {
    "postgresql": "SELECT CLOCK_TIMESTAMP()",
    # SQLite runs in this process and reads the clock of its machine, which is also every other writer's.
    "sqlite": "SELECT STRFTIME('%Y-%m-%dT%H:%M:%f', 'now')",
}


def database_now() -> datetime:
    """Return the time by the database's clock; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS[connection.vendor])
        (now,) = cursor.fetchone()
    return datetime.fromisoformat(now).replace(tzinfo=UTC) if isinstance(now, str) else now.astimezone(UTC)
