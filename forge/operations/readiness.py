"""Whether a request would be served to its end: what it needs and does not answer, in words."""

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
LOADING_BEAT_S = 2.0
_LOADING_S = 6
LOADING = "a worker is loading its models"


def worker_loading() -> None:
    """What a worker says every few seconds until its models are loaded: it answers nothing else meanwhile."""
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.set(_LOADING_KEY, "1", ex=_LOADING_S))


def missing() -> dict[str, str]:
    """Part → what is wrong with it; empty when all is well."""
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
    """A worker answers once it has loaded its models and takes tasks."""
    try:
        # The first answer ends the wait.
        if current_app.control.ping(timeout=_PING_S, limit=1):
            return ""
        loading = redis_call(lambda client: client.exists(_LOADING_KEY))
        return LOADING if loading else "no worker answers: start one with `celery -A config worker`"
    except (BrokerError, RedisError, OSError, Unavailable) as error:
        return f"Redis does not answer ({error})"
