"""A distributed semaphore for an account's open streams: each stream holds a slot, a lease in a Redis sorted set.

Its web process renews the lease while the stream is open; a dead process's slots expire after two keep-alive intervals.
A renewal writes the slot again, which restores the slots of an emptied Redis.
"""

import logging
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from forge.errors import RateLimited, Unavailable
from forge.limits.counters import fail_open, redis
from forge.limits.file_handles import stream_capacity
from forge.limits.process_share import ProcessShare
from forge.models import Account
from forge.redis_client import REDIS_ERRORS
from forge.single_flight import single_flight

logger = logging.getLogger(__name__)

_LEASE_MS = int(2000 * settings.FORGE_KEEPALIVE_S)
_RENEW_S = settings.FORGE_KEEPALIVE_S / 3

# Redis server time: the clocks of web servers may differ.
_ACQUIRE = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[3])
return 1
"""
_RENEW = """
local time = redis.call('time')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for n = 2, #ARGV do redis.call('zadd', KEYS[1], ends, ARGV[n]) end
redis.call('pexpire', KEYS[1], ARGV[1])
"""


_process_share = ProcessShare(stream_capacity)


@dataclass(frozen=True)
class StreamSlot:
    """`is_counted`: in Redis, against the account's limit; every slot counts in its process."""

    account_id: str
    is_counted: bool = True
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def key(self) -> str:
        return f"forge:streams:{self.account_id}"

    def release(self) -> None:
        """Free the slot; returns at once, before Redis is updated."""
        _process_share.give_back(self.account_id, self.token)
        if self.is_counted:
            _renewer.release(self)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Renew the slot inside the `with` block and release it at its end."""
        if self.is_counted:
            _renewer.hold(self)
        try:
            yield
        finally:
            self.release()


@contextmanager
def acquire_stream_slot(account: Account) -> Iterator[StreamSlot]:
    """Acquire a slot for a new stream. Raises RateLimited, and Unavailable where this process has too many.

    The slot is released if the block raises; otherwise `StreamSlot.held` or `StreamSlot.release` must follow.
    """
    limit = account.limit("open_streams")
    slot = StreamSlot(account.pk, is_counted=bool(limit))
    if not _process_share.take(account.pk, slot.token):
        raise Unavailable("This process has as many open streams as it can. Nothing was charged; please try again.")
    try:
        if slot.is_counted:
            _acquire(slot, limit)
        yield slot
    except BaseException:
        slot.release()
        raise


def _acquire(slot: StreamSlot, limit: int) -> None:
    if fail_open(lambda: _script(_ACQUIRE)(keys=[slot.key], args=[limit, slot.token, _LEASE_MS])) == 0:
        raise RateLimited(
            f"The account has {limit} open streams, as many as it may. Close one first.", retry_after=5, limit=limit
        )


class _SlotRenewer:
    """A thread that renews this process's slots and deletes released ones, so that no stream waits for Redis."""

    def __init__(self) -> None:
        self._held: set[StreamSlot] = set()
        self._released: set[StreamSlot] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def hold(self, slot: StreamSlot) -> None:
        with self._lock:
            self._held.add(slot)
            self._start()

    def release(self, slot: StreamSlot) -> None:
        with self._lock:
            self._held.discard(slot)
            self._released.add(slot)
            self._start()
        self._wake.set()

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="stream-slots", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        renew_at = time.monotonic() + _RENEW_S
        while True:
            self._wake.wait(max(0.0, renew_at - time.monotonic()))
            self._wake.clear()
            try:
                self._delete_released()
                if time.monotonic() >= renew_at:
                    renew_at = time.monotonic() + _RENEW_S
                    self._renew()
            except REDIS_ERRORS as error:
                logger.warning("Open streams could not be counted: %s", error)

    def _delete_released(self) -> None:
        with self._lock:
            released, self._released = self._released, set()
        for key, tokens in _tokens_by_key(released).items():
            redis().zrem(key, *tokens)

    def _renew(self) -> None:
        with self._lock:
            held = set(self._held)
        for key, tokens in _tokens_by_key(held).items():
            _script(_RENEW)(keys=[key], args=[_LEASE_MS, *tokens])


def _tokens_by_key(slots: set[StreamSlot]) -> dict[str, list[str]]:
    tokens: dict[str, list[str]] = defaultdict(list)
    for slot in slots:
        tokens[slot.key].append(slot.token)
    return tokens


@single_flight
def _script(text: str) -> Any:
    return redis().register_script(text)


_renewer = _SlotRenewer()
