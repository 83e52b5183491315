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
_ask_again_at = 0.0


@single_flight
def redis() -> Redis:
    # A request waits for its count: where Redis is slow, uncounted is better than late.
    return redis_client(timeout_s=0.5)


def counted(ask: Callable[[], _T]) -> _T | None:
    """What Redis answers; None while it is away, and for a second after, so that an outage holds up few requests."""
    global _ask_again_at
    if time.monotonic() < _ask_again_at:
        return None
    try:
        return ask()
    except REDIS_ERRORS as error:
        _ask_again_at = time.monotonic() + _PAUSE_S
        logger.warning("Requests and streams are not counted, for Redis is away: %s", error)
        return None
