"""What a web server or worker needs at its start: a database, Redis and a storage that answer."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections, connection

from config.redis_address import parse_redis_url
from forge.database import DATABASE_ERRORS
from forge.errors import Unavailable
from forge.jobs import dispatch
from forge.operations.storage_check import storage_check

logger = logging.getLogger(__name__)

_RETRY_S = 0.5
_STORAGE_WAIT_S = 60.0


def start_problem() -> str:
    """Return the sentence of the first part that does not answer within FORGE_START_WAIT_S; "" when all do.

    It names the setting and the address without the password.
    """
    deadline = time.monotonic() + settings.FORGE_START_WAIT_S
    for check in (_database, _redis, _storage):
        if problem := _repeated(check, deadline):
            return problem
    return ""


def _repeated(check: Callable[[], str], deadline: float) -> str:
    while problem := check():
        if time.monotonic() > deadline:
            return problem
        logger.warning("Waiting: %s", problem)
        time.sleep(_RETRY_S)
    return ""


def _database() -> str:
    try:
        connection.ensure_connection()
    except DATABASE_ERRORS as error:
        return f"DATABASE_URL: the database {_database_address()} cannot be used ({_first_line(error)})."
    finally:
        close_old_connections()
    return ""


def _database_address() -> str:
    found = settings.DATABASES["default"]
    host = f"{found['HOST']}:{found['PORT'] or 5432}/" if found.get("HOST") else ""
    return f"{host}{found['NAME']}"


def _redis() -> str:
    try:
        dispatch.broker_ping()
    except Unavailable as error:
        return f"REDIS_URL: Redis at {_redis_address()} cannot be used ({error.__cause__})."
    return ""


def _redis_address() -> str:
    address = parse_redis_url(settings.REDIS_URL)
    if address.sentinels:
        return f"{','.join(f'{host}:{port}' for host, port in address.sentinels)}, service {address.service}"
    return f"{address.options.get('host', 'localhost')}:{address.options.get('port', 6379)}"


def _storage() -> str:
    storage_check.clear()
    problem = storage_check.read(_STORAGE_WAIT_S).problem
    return f"FORGE_STORAGE_URL: {problem}." if problem else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
