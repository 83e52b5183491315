"""Limits of log-ins to the admin, by user name and by address.

Counted in Redis across web processes; in this process while Redis is unreachable, since guessing must stay limited.
"""

import hashlib
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage

from forge.limits.counters import fail_open
from forge.limits.rates import redis_storage

# In fifteen minutes; a log-in that succeeds starts again from none.
_PER_USER = RateLimitItemPerMinute(5, 15, namespace="login-user")
_PER_ADDRESS = RateLimitItemPerMinute(20, 15, namespace="login-address")
_memory = MemoryStorage()


def count_login(username: str, address: str) -> int:
    """Count an attempt before its password is checked; return the seconds until one is accepted, 0 for now."""
    counted = fail_open(lambda: _count(redis_storage(), username, address))
    return _count(_memory, username, address) if counted is None else counted


def forget_logins(username: str, address: str) -> None:
    """Forget the attempts of a user who has logged in."""
    _clear(_memory, username, address)
    fail_open(lambda: _clear(redis_storage(), username, address))


def _clear(storage: Storage, username: str, address: str) -> None:
    for item, name in _items(username, address):
        storage.clear(item.key_for(name))


def _count(storage: Storage, username: str, address: str) -> int:
    waits = [0]
    for item, name in _items(username, address):
        key = item.key_for(name)
        if storage.incr(key, item.get_expiry()) > item.amount:
            waits.append(max(1, math.ceil(storage.get_expiry(key) - time.time())))
    return max(waits)


def _items(username: str, address: str) -> list[tuple[RateLimitItem, str]]:
    # A digest: callers choose the name, and it may be a password in the wrong field.
    user = hashlib.sha256(username.strip().casefold().encode(errors="replace")).hexdigest()
    return [(_PER_USER, user), (_PER_ADDRESS, address)]
