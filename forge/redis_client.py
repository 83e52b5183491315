"""Redis clients that fail fast, and the errors that signal that Redis is unreachable."""

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from forge.errors import StorageFull, Unavailable, is_disk_full
from forge.single_flight import single_flight

REDIS_ERRORS = (RedisError, OSError)

_T = TypeVar("_T")


def redis_client(timeout_s: float) -> Redis:
    """Return a client without retries; each call takes at most `timeout_s` seconds."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=None,
        # One per concurrent call: above redis-py's default of 100, calls fail as if Redis were down.
        max_connections=10_000,
    )


def redis_call(command: Callable[[Redis], _T]) -> _T:
    """Run `command` on the shared client. Raises Unavailable when Redis does not respond within 2 s."""
    try:
        return command(_shared_client())
    except REDIS_ERRORS as error:
        if is_disk_full(error):
            raise StorageFull from error
        raise Unavailable("The broker is away. Nothing was charged; please try again.") from error


@single_flight
def _shared_client() -> Redis:
    # Not kombu's connections: those wait and retry, and a request needs a response now.
    return redis_client(timeout_s=2.0)
