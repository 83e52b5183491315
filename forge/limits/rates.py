"""Rate limits by a sliding window counter, which allows no burst of twice the limit at a window boundary."""

import math
from dataclasses import dataclass

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage

from forge.errors import RateLimited
from forge.limits.counters import fail_open, redis
from forge.models import Account
from forge.models.accounts import LimitName
from forge.single_flight import single_flight

_ITEMS: dict[LimitName, type[RateLimitItem]] = {
    "requests_per_minute": RateLimitItemPerMinute,
    "bytes_per_day": RateLimitItemPerDay,
}
_MINUTE = 60
_UNBOUNDED = 2**53


@dataclass(frozen=True)
class RateLimitStatus:
    """An account's use of one limit.

    `reset`: seconds until the whole limit is available again. `retry_after`: seconds until the refused request would
    fit; None for a request that was accepted.
    """

    limit: int
    remaining: int
    reset: int
    retry_after: int | None


@dataclass(frozen=True)
class _SlidingWindow:
    """The counts of two adjacent windows of `width` seconds; the earlier one's weight decreases linearly to zero."""

    width: float
    earlier: int
    earlier_left: float  # seconds until the earlier count has no weight
    later: int
    later_left: float  # seconds until the later count has no weight

    @property
    def weight(self) -> int:
        return math.floor(self.earlier * self.earlier_left / self.width) + self.later

    def seconds_until(self, most: int) -> float:
        """Return the seconds until the weight is at most `most`."""
        if most < 0:
            return self.width  # A request above the whole limit never fits.
        if self.later <= most:
            return self.earlier_left - self._time_before_end(self.earlier, most - self.later)
        return self.later_left - self._time_before_end(self.later, most)

    def _time_before_end(self, count: int, most: int) -> float:
        """Return how long before its end a window of `count` requests weighs at most `most`."""
        return min(self.width, self.width * (most + 1) / count) if count else 0.0


def count_request(account: Account, name: LimitName, cost: int = 1) -> RateLimitStatus | None:
    """Count a request if it fits; None when the account has no such limit or Redis is unreachable."""
    limit = account.limit(name)
    return fail_open(lambda: _count(account, _ITEMS[name](limit), cost)) if limit else None


def samples_require(account: Account, images: int) -> None:
    """Count the images of a free sample. Raises RateLimited where the account had too many within an hour."""
    limit = settings.FORGE_SAMPLES_PER_HOUR
    if not limit:
        return
    item = RateLimitItemPerHour(limit, namespace="samples")
    status = fail_open(lambda: _count(account, item, images))
    if status is not None and status.retry_after is not None:
        sentence = f"The account may have {limit} images an hour as samples. Try again in {status.retry_after} s."
        raise RateLimited(sentence, retry_after=status.retry_after, limit=limit)


def decode_status(account: Account) -> RateLimitStatus | None:
    """Return how much decoding time an account has left, in milliseconds; `retry_after` is set while none is.

    None when the account has no such limit or Redis is unreachable.
    """
    limit = 1000 * account.limit("decode_seconds_per_minute")
    return fail_open(lambda: _status(_decode_key(account), limit, _MINUTE, fits=None)) if limit else None


def count_decoding(account: Account, seconds: float) -> None:
    """Count decoding time, which is known only afterwards: also beyond the limit."""
    cost = math.ceil(1000 * seconds)
    fail_open(lambda: redis_storage().acquire_sliding_window_entry(_decode_key(account), _UNBOUNDED, _MINUTE, cost))


def _decode_key(account: Account) -> str:
    return f"decoding/{account.pk}"


def _count(account: Account, item: RateLimitItem, cost: int) -> RateLimitStatus:
    key, width = item.key_for(account.pk), item.get_expiry()
    fits = redis_storage().acquire_sliding_window_entry(key, item.amount, width, cost)
    return _status(key, item.amount, width, fits=fits, cost=cost)


def _status(key: str, limit: int, width: int, *, fits: bool | None, cost: int = 1) -> RateLimitStatus:
    """`fits`: whether a request of that cost was counted; None where nothing was, and the window decides."""
    window = _SlidingWindow(width, *redis_storage().get_sliding_window(key, width))
    if fits is None:
        fits = window.weight < limit
    return RateLimitStatus(
        limit=limit,
        remaining=max(0, limit - window.weight),
        reset=math.ceil(window.later_left if window.later else window.earlier_left),
        retry_after=None if fits else 1 + max(0, math.floor(window.seconds_until(limit - cost))),
    )


@single_flight
def redis_storage() -> RedisStorage:
    return RedisStorage("redis://", connection_pool=redis().connection_pool, key_prefix="forge:rate")
