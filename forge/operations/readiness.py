"""Readiness: whether everything that serves a request is available.

Any caller may request it at any rate: it is computed once a second at most, and asks nothing that waits on a pool.
"""

import contextlib
import threading
import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import Redis

from forge.database import DATABASE_ERRORS
from forge.errors import Unavailable
from forge.jobs import dispatch
from forge.operations.storage_check import StorageState, storage_check
from forge.redis_client import redis_call
from forge.single_flight import single_flight
from forge.storage import storage_address

_LOADING_KEY = "forge:worker-loading"
LOADING_HEARTBEAT_S = 2.0
_LOADING_S = 6
LOADING = "a worker is loading its models"

# The workers, each with the time until which its last heartbeat counts: Redis's time, since clocks differ. A member is
# the worker's name, a space, and what it sees as the storage: the storage's id, _NO_STORAGE, or nothing yet. Behind
# another space comes why its images wait for a model.
_ALIVE_KEY = "forge:workers"
_ALIVE_MS = int(1000 * max(6.0, 3 * settings.FORGE_HEARTBEAT_S))
_NO_STORAGE = "-"
_BEAT = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if ARGV[3] ~= ARGV[1] then redis.call('zrem', KEYS[1], ARGV[3]) end
redis.call('zadd', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[2])
"""
_ALIVE = """
local time = redis.call('time')
return redis.call('zrangebyscore', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), '+inf')
"""
_HEARTBEATS = """
local time = redis.call('time')
return redis.call('zrangebyscore', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), '+inf', 'withscores')
"""

_members: dict[str, str] = {}  # of this process, by name

_CACHE_S = 1.0
_WAIT_S = 5.0


def worker_loading() -> None:
    """Record in Redis, every few seconds, that a worker is loading its models."""
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.set(_LOADING_KEY, "1", ex=_LOADING_S))


def worker_loaded() -> None:
    """Record that it no longer does; another one that still loads records it within seconds."""
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.delete(_LOADING_KEY))


def worker_alive(name: str, storage: StorageState | None = None, model_problem: str = "") -> None:
    """Record in Redis, at each heartbeat, that a worker takes images, which storage it sees, and why images wait."""
    seen = "" if storage is None else _NO_STORAGE if storage.problem else storage.identity
    member = f"{name} {seen} {model_problem}" if model_problem else f"{name} {seen}"
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: _eval(client, _BEAT, member, _ALIVE_MS, _members.get(name, member)))
        _members[name] = member


def worker_gone(name: str) -> None:
    with contextlib.suppress(Unavailable):
        redis_call(lambda client: client.zrem(_ALIVE_KEY, _members.pop(name, name)))


def worker_count() -> int:
    """Return how many workers have a fresh heartbeat; 0 where Redis does not respond."""
    try:
        return len(redis_call(lambda client: _eval(client, _ALIVE)))
    except Unavailable:
        return 0


def heartbeats(client: Redis) -> dict[str, float]:
    """Return the time of each live worker's last heartbeat, by its name, in ms since the epoch by Redis's clock."""
    found: list[bytes] = _eval(client, _HEARTBEATS)
    pairs = zip(found[::2], found[1::2], strict=True)
    return {member.decode().partition(" ")[0]: float(until) - _ALIVE_MS for member, until in pairs}


def missing() -> dict[str, str]:
    """Return the problem of each unavailable part; empty when the service is ready."""
    return _cache.read()


class _Cache:
    """The last result, computed by one thread at a time; the others wait for it, within a deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self._found: dict[str, str] = {}
        self._until = 0.0
        storage_check.clear()

    def read(self) -> dict[str, str]:
        if time.monotonic() < self._until:
            return self._found
        if not self._lock.acquire(timeout=_WAIT_S):
            return {"readiness": f"database and Redis did not answer within {_WAIT_S:g} s"}
        try:
            if time.monotonic() >= self._until:
                self._found = _missing()
                self._until = time.monotonic() + _CACHE_S
            return self._found
        finally:
            self._lock.release()


_cache = _Cache()


def _missing() -> dict[str, str]:
    found = {}
    if problem := _database():
        found["database"] = problem
    storage = storage_check.read()
    if storage.problem:
        found["storage"] = storage.problem
    if problem := _redis():
        found["redis"] = problem
        return found
    workers = _workers()
    if problem := _worker(workers):
        found["worker"] = problem
    elif problem := _other_storage(storage, {name: seen for name, (seen, _) in workers.items()}):
        found["storage"] = problem
    elif problem := _waiting_for_models(workers):
        found["models"] = problem
    return found


def _database() -> str:
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except DATABASE_ERRORS as error:
        return f"the database does not answer ({error})"
    behind = set(_migrations().leaf_nodes()) - set(applied)
    return "the database lacks migrations: run `manage.py migrate`" if behind else ""


@single_flight
def _migrations() -> Any:
    """Return the graph of this code's migrations."""
    return MigrationLoader(None).graph


def _redis() -> str:
    try:
        dispatch.broker_ping()
    except Unavailable as error:
        return f"Redis does not answer ({error.__cause__})"
    return ""


def _workers() -> dict[str, tuple[str, str]]:
    """Return what each live worker sees as the storage and why its images wait; {} where Redis is away."""
    with contextlib.suppress(Unavailable):
        members: list[bytes] = redis_call(lambda client: _eval(client, _ALIVE))
        split = [(*member.decode().split(" ", 2), "", "")[:3] for member in members]
        return {name: (seen, problem) for name, seen, problem in split}
    return {}


def _waiting_for_models(workers: dict[str, tuple[str, str]]) -> str:
    """Return why images wait, where they do in every worker."""
    problems = [problem for _, problem in workers.values()]
    return problems[0] if problems and all(problems) else ""


def _worker(workers: dict[str, tuple[str, str]]) -> str:
    if workers:
        return ""
    try:
        loading = redis_call(lambda client: client.exists(_LOADING_KEY))
    except Unavailable as error:
        return f"Redis does not answer ({error.__cause__})"
    return LOADING if loading else "no worker answers: start one with `manage.py worker`"


def _other_storage(storage: StorageState, workers: dict[str, str]) -> str:
    """Return the sentence of a worker that cannot read what this web server stores."""
    if storage.problem:
        return storage.problem
    for worker, seen in sorted(workers.items()):
        if seen == _NO_STORAGE:
            return f"worker {worker} cannot use its storage; its log has the reason"
        if seen and storage.identity and seen != storage.identity:
            return (
                f"worker {worker} sees another storage than this web server, which uses {storage_address()}: "
                "set the same FORGE_STORAGE_URL for both, a bucket or a folder that both mount"
            )
    return ""


def _eval(client: Redis, script: str, *arguments: str | int) -> Any:
    return client.eval(script, 1, _ALIVE_KEY, *arguments)
