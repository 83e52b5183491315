"""A connection of the pool is checked without a statement, and replaced where its server has closed it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server"),
    pytest.mark.django_db(transaction=True),
]


def opened() -> Any:
    connection.ensure_connection()
    return connection.connection


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    pooled = opened()
    pid = pooled.info.backend_pid
    connection.close()  # into the pool
    with psycopg.connect(pooled.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] != pid


def test_a_connection_from_the_pool_sends_nothing_before_its_statement(tmp_path: Path) -> None:
    pooled = opened()
    trace = tmp_path / "messages"
    with trace.open("wb") as file:
        pooled.pgconn.trace(file.fileno())
        connection.close()
        while opened() is not pooled:  # the pool's others come first
            connection.close()
        pooled.pgconn.untrace()

    assert trace.read_text() == ""
