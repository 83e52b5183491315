"""Redis clients that fail fast, and the errors that mean that Redis cannot be reached."""

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from forge.errors import Unavailable
from forge.single_flight import single_flight

REDIS_ERRORS = (RedisError, OSError)

_T = TypeVar("_T")


def redis_client(timeout_s: float) -> Redis:
    """Return a client without retries: a request waits for its answer for at most `timeout_s` seconds."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=None,
        # Each request thread holds a connection during its call. Over redis-py's limit of 100, Redis would seem down.
        max_connections=10_000,
    )


def redis_call(command: Callable[[Redis], _T]) -> _T:
    """Run `command` on the client that all threads share. Raises Unavailable where Redis does not answer in 2 s."""
    try:
        return command(_shared_client())
    except REDIS_ERRORS as error:
        raise Unavailable("The broker is away. Nothing was charged; please try again.") from error


@single_flight
def _shared_client() -> Redis:
    # Not one of kombu's connections: those wait and retry, and a request must be answered now.
    return redis_client(timeout_s=2.0)
