"""Redis clients that fail fast, and the errors that signal that Redis is unreachable."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from config.redis_address import parse_redis_url
from forge.disk_full import is_disk_full
from forge.errors import StorageFull, Unavailable
from forge.single_flight import single_flight

REDIS_ERRORS = (RedisError, OSError)

_T = TypeVar("_T")


def redis_client(timeout_s: float) -> Redis:
    """Return a client without retries; each call takes at most `timeout_s` seconds."""
    # One connection per concurrent call: above redis-py's default of 100, calls fail as if Redis were down.
    options = {**_timeouts(timeout_s), "max_connections": 10_000}
    address = parse_redis_url(settings.REDIS_URL)
    if not address.sentinels:
        return Redis(**address.options, **options)
    of_sentinels = {**_timeouts(timeout_s), **address.sentinel_options}
    sentinel = Sentinel(address.sentinels, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    options |= address.options
    client: Redis = sentinel.master_for(address.service, Redis, **options)  # type: ignore[no-untyped-call]
    return client


def async_redis_client(timeout_s: float, **options: Any) -> AsyncRedis:
    """Return a client for the event loop that calls it; it must be closed."""
    options = {**_timeouts(timeout_s), **options}
    address = parse_redis_url(settings.REDIS_URL)
    if not address.sentinels:
        return AsyncRedis(**address.options, **options)
    of_sentinels = {**_timeouts(timeout_s), **address.sentinel_options}
    sentinel = AsyncSentinel(list(address.sentinels), sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    client: AsyncRedis = sentinel.master_for(address.service, AsyncRedis, **address.options, **options)
    return client


def _timeouts(timeout_s: float) -> dict[str, Any]:
    return {"socket_timeout": timeout_s, "socket_connect_timeout": min(timeout_s, 2.0), "retry": None}


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
