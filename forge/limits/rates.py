"""Requests a minute and bytes a day, by a sliding window: no burst of twice the limit where two windows meet."""

import math
from dataclasses import dataclass

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import RedisStorage

from forge.limits.counters import counted, redis
from forge.models import Account
from forge.models.accounts import LimitName
from forge.single_flight import single_flight

_ITEMS: dict[LimitName, type[RateLimitItem]] = {
    "requests_per_minute": RateLimitItemPerMinute,
    "bytes_per_day": RateLimitItemPerDay,
}


@dataclass(frozen=True)
class Standing:
    """Where an account stands with a limit. `reset` and `retry_after` are seconds: until all of it is there again, and
    until the request that was refused would fit; `retry_after` is None where it was not refused.
    """

    limit: int
    remaining: int
    reset: int
    retry_after: int | None


@dataclass(frozen=True)
class _Window:
    """Counts and the seconds for which they still weigh: the earlier window fades while the later one fills."""

    width: float
    earlier: int
    earlier_left: float
    later: int
    later_left: float  # to the end of the later window, and then of its fading

    @property
    def weight(self) -> int:
        return math.floor(self.earlier * self.earlier_left / self.width) + self.later

    def wait(self, most: int) -> float:
        """Seconds until the weight is at most `most`."""
        if most < 0:
            return self.width  # A request over the whole limit: it never fits.
        if self.later <= most:
            return self.earlier_left - self._before_end(self.earlier, most - self.later)
        return self.later_left - self._before_end(self.later, most)

    def _before_end(self, count: int, most: int) -> float:
        """How long before its end a window of so many weighs `most` and no more."""
        return min(self.width, self.width * (most + 1) / count) if count else 0.0


def count(account: Account, name: LimitName, cost: int = 1) -> Standing | None:
    """Counts a request, if it fits. None where the account has no such limit or Redis is away."""
    limit = account.limit(name)
    return counted(lambda: _count(account, _ITEMS[name](limit), cost)) if limit else None


def _count(account: Account, item: RateLimitItem, cost: int) -> Standing:
    key, width = item.key_for(account.pk), item.get_expiry()
    fits = _storage().acquire_sliding_window_entry(key, item.amount, width, cost)
    window = _Window(width, *_storage().get_sliding_window(key, width))
    return Standing(
        limit=item.amount,
        remaining=max(0, item.amount - window.weight),
        reset=math.ceil(window.later_left if window.later else window.earlier_left),
        retry_after=None if fits else 1 + max(0, math.floor(window.wait(item.amount - cost))),
    )


@single_flight
def _storage() -> RedisStorage:
    return RedisStorage(settings.REDIS_URL, connection_pool=redis().connection_pool, key_prefix="forge:rate")
