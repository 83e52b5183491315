"""The database's clock: times of one machine are never compared with another machine's."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, Func

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


class DatabaseNow(Func):
    """The time by the database's clock, or `after` it, inside the statement that stores it."""

    output_field = DateTimeField()

    def __init__(self, after: timedelta = timedelta(0)) -> None:
        super().__init__()
        self.after = after

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, list[Any]]:
        return "(CLOCK_TIMESTAMP() + %s)", [self.after]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        # Microseconds that are not 0: Django writes a whole second without a fraction, and a compare-and-swap with what
        # was read would then not find the row.
        return "(STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s) || '001')", [f"{self.after.total_seconds():+f} seconds"]
