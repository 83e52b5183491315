"""Redis: connection, clock, persistence and eviction policy."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import ResponseError

from forge.operations.doctor.clocks import clock_read
from forge.operations.doctor.finding import Finding, fail, ok, warn
from forge.redis_client import REDIS_ERRORS, redis_client

_FULL = 0.9


def findings() -> Iterator[Finding]:
    try:
        with contextlib.closing(redis_client(timeout_s=3.0)) as client:
            yield from _findings(client)
    except REDIS_ERRORS as error:
        remedy = "bin/up starts it." if settings.FORGE_EMBEDDED_REDIS else "Start it, or correct REDIS_URL."
        yield fail("redis", f"Redis does not answer ({error}).", remedy)


def _findings(client: Redis) -> Iterator[Finding]:
    info: dict[str, Any] = client.info()
    yield ok("redis", f"{info.get('server_name', 'redis')} {info['redis_version']} answers.")
    yield _eviction(info)
    yield _persistence(info, _snapshots(client))
    yield clock_read("redis clock", "Redis's clock", lambda: _time(client))


def _time(client: Redis) -> float:
    seconds, microseconds = client.time()
    return float(seconds + microseconds / 1e6)


def _eviction(info: dict[str, Any]) -> Finding:
    check, policy, most = "redis eviction", info.get("maxmemory_policy", "noeviction"), info.get("maxmemory", 0)
    remedy = "Set maxmemory-policy noeviction."
    if policy != "noeviction" and most:
        sentence = f"maxmemory-policy is {policy}: with full memory tasks, limits and heartbeats disappear."
        return fail(check, sentence, remedy)
    if policy != "noeviction":
        return warn(check, f"maxmemory-policy is {policy}; it has no effect while maxmemory is 0.", remedy)
    if most and info["used_memory"] > _FULL * most:
        share = info["used_memory"] / most
        return warn(check, f"{share:.0%} of maxmemory are used; then writes fail.", "Raise maxmemory.")
    return ok(check, "maxmemory-policy is noeviction.")


def _snapshots(client: Redis) -> bool | None:
    """Return whether snapshots are configured; None where CONFIG is forbidden, as hosted servers do."""
    try:
        return bool(client.config_get("save")["save"])
    except ResponseError:
        return None


def _persistence(info: dict[str, Any], snapshots: bool | None) -> Finding:
    check, appends = "redis persistence", bool(info.get("aof_enabled"))
    failed = [name for name in ("aof_last_write_status", "rdb_last_bgsave_status") if info.get(name, "ok") != "ok"]
    if failed:
        return fail(check, f"Redis cannot write to its disk ({', '.join(failed)}).", "See its log; free disk space.")
    if appends:
        return ok(check, "The append-only file is on.")
    if snapshots or snapshots is None:
        sentence = "Snapshots only" if snapshots else "CONFIG is forbidden: persistence is unknown"
        return ok(check, f"{sentence}; lost tasks are sent again by the sweep.")
    return warn(
        check,
        "Neither append-only file nor snapshots: a restart loses queued tasks and limits.",
        f"Set appendonly yes. Lost tasks are sent again within about {settings.FORGE_RESEND_S:g} s all the same.",
    )
