from collections.abc import Iterator
from typing import Any

import pytest

from forge.limits import counters, open_streams, rates
from forge.models import Account


def set_limits(account: Account, **limits: int | None) -> None:
    Account.objects.filter(pk=account.pk).update(**limits)


@pytest.fixture
def without_redis(settings: Any) -> Iterator[None]:
    """Connect to a closed port."""

    def clear_clients() -> None:
        counters.redis.cache_clear()
        rates.redis_storage.cache_clear()
        open_streams._script.cache_clear()
        counters._retry_at = 0.0

    url, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    clear_clients()
    yield
    settings.REDIS_URL = url
    clear_clients()
