"""Readiness: whether everything that serves a request is available."""

import contextlib

from celery import current_app
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from forge.database import DATABASE_ERRORS
from forge.errors import Unavailable
from forge.jobs import dispatch
from forge.redis_client import redis_call

_LOADING_KEY = "forge:worker-loading"
_PING_S = 2.0
LOADING_HEARTBEAT_S = 2.0
_LOADING_S = 6
LOADING = "a worker is loading its models"


def worker_loading() -> None:
    """Record in Redis, every few seconds, that a worker is loading its models: it does not respond to pings."""
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.set(_LOADING_KEY, "1", ex=_LOADING_S))


def missing() -> dict[str, str]:
    """Return the problem of each unavailable part; empty when the service is ready."""
    found = {}
    if problem := _database():
        found["database"] = problem
    if problem := _redis():
        found["redis"] = problem
    elif problem := _worker():
        found["worker"] = problem
    return found


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DATABASE_ERRORS as error:
        return f"the database does not answer ({error})"
    return "the database lacks migrations: run `manage.py migrate`" if behind else ""


def _redis() -> str:
    try:
        dispatch.broker_ping()
    except Unavailable as error:
        return f"Redis does not answer ({error.__cause__})"
    return ""


def _worker() -> str:
    """Ping the workers: they respond once their models are loaded."""
    try:
        # limit=1: the first response ends the wait.
        if current_app.control.ping(timeout=_PING_S, limit=1):
            return ""
        loading = redis_call(lambda client: client.exists(_LOADING_KEY))
        return LOADING if loading else "no worker answers: start one with `celery -A config worker`"
    except (BrokerError, RedisError, OSError, Unavailable) as error:
        return f"Redis does not answer ({error})"
