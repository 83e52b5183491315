"""The database: connection, migrations and clock."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from forge.clock import database_now
from forge.database import DATABASE_ERRORS
from forge.operations.doctor.clocks import clock_read
from forge.operations.doctor.finding import Finding, fail, ok, warn

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def findings() -> Iterator[Finding]:
    finding = _connection()
    yield finding
    if finding.status == "fail":
        return
    yield _migrations()
    if connection.vendor == "sqlite":
        yield ok("database clock", "SQLite has the clock of this machine.")
    else:
        yield clock_read("database clock", "The database's clock", lambda: database_now().timestamp())


def _connection() -> Finding:
    """Connect without the pool, which would wait for its own deadline and hide the reason."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return fail("database", f"{_address()} is not there yet.", "bin/up or bin/manage migrate makes it.")
    probe = connection.copy()
    probe.settings_dict["OPTIONS"].pop("pool", None)
    try:
        with probe.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DATABASE_ERRORS as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")
        return fail("database", f"{_address()} cannot be used: {reason}.", "Start it, or correct DATABASE_URL.")
    finally:
        probe.close()
    if connection.vendor == "sqlite" and settings.FORGE_ENV == "production":
        return warn("database", f"{_address()} answers.", "PostgreSQL where several machines or many clients write.")
    return ok("database", f"{_address()} answers.")


def _address() -> str:
    """Return the database's address without its password."""
    found = connection.settings_dict
    name = _NAMES[connection.vendor]
    if connection.vendor == "sqlite":
        return f"{name} at {found['NAME']}"
    return f"{name} at {found['HOST'] or 'the local socket'}:{found['PORT'] or 5432}/{found['NAME']}"


def _migrations() -> Finding:
    known = set(MigrationLoader(None).graph.nodes)
    applied = set(MigrationRecorder(connection).applied_migrations())
    missing, unknown = sorted(known - applied), sorted(key for key in applied - known if key[0] == "forge")
    if missing:
        names = ".".join(missing[0])
        return fail("migrations", f"{len(missing)} migrations are missing, {names} first.", "Run bin/manage migrate.")
    if unknown:
        names = ".".join(unknown[-1])
        return fail("migrations", f"The database is of a newer version ({names}).", "Install that version or later.")
    return ok("migrations", f"{len(known)} migrations are applied.")
