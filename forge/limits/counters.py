import logging
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis

from forge.redis_client import REDIS_ERRORS, redis_client
from forge.single_flight import single_flight

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_PAUSE_S = 1.0
_retry_at = 0.0


@single_flight
def redis() -> Redis:
    # A short timeout: each request waits for its count.
    return redis_client(timeout_s=0.5)


def fail_open(call: Callable[[], _T]) -> _T | None:
    """Return the result of a Redis call; None when Redis is unreachable.

    After a failure no call is made for a second, so that an outage delays few requests.
    """
    global _retry_at
    if time.monotonic() < _retry_at:
        return None
    try:
        return call()
    except REDIS_ERRORS as error:
        _retry_at = time.monotonic() + _PAUSE_S
        logger.warning("Redis is unreachable; requests and streams are not counted: %s", error)
        return None
