"""Open streams: each sits on a seat, a row with an end in Redis, which its web process renews while it is open.

The seats of a process that died end by themselves after two keep-alives. Those of living ones are written again at
each renewal, so an emptied Redis soon knows them all again.
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

from forge.errors import RateLimited
from forge.limits.counters import counted, redis
from forge.models import Account
from forge.redis_client import REDIS_ERRORS
from forge.single_flight import single_flight

logger = logging.getLogger(__name__)

_LEASE_MS = int(2000 * settings.FORGE_KEEPALIVE_S)
_RENEW_S = settings.FORGE_KEEPALIVE_S / 3

# Server time, so that the clocks of several machines need not agree.
_TAKE = """
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


@dataclass(frozen=True)
class StreamSlot:
    account_id: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def key(self) -> str:
        return f"forge:streams:{self.account_id}"

    def leave(self) -> None:
        _keeper.leave(self)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While inside, the seat is renewed; then it is free at once."""
        _keeper.keep(self)
        try:
            yield
        finally:
            self.leave()


@contextmanager
def acquire_stream_slot(account: Account) -> Iterator[StreamSlot | None]:
    """A seat for a stream that is about to open, free again where that raises; None: no limit. Raises RateLimited."""
    limit = account.limit("open_streams")
    if not limit:
        yield None
        return
    seat = _take(account, limit)
    try:
        yield seat
    except BaseException:
        seat.leave()
        raise


def _take(account: Account, limit: int) -> StreamSlot:
    seat = StreamSlot(account.pk)
    if counted(lambda: _script(_TAKE)(keys=[seat.key], args=[limit, seat.token, _LEASE_MS])) == 0:
        raise RateLimited(
            f"The account has {limit} open streams, as many as it may. Close one first.", retry_after=5, limit=limit
        )
    return seat


class _Keeper:
    """Renews the seats of this process, and frees those that were left, in one thread: a stream waits for neither."""

    def __init__(self) -> None:
        self._kept: set[StreamSlot] = set()
        self._left: set[StreamSlot] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def keep(self, seat: StreamSlot) -> None:
        with self._lock:
            self._kept.add(seat)
            self._start()

    def leave(self, seat: StreamSlot) -> None:
        with self._lock:
            self._kept.discard(seat)
            self._left.add(seat)
            self._start()
        self._wake.set()

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="seats", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        renew_at = time.monotonic() + _RENEW_S
        while True:
            self._wake.wait(max(0.0, renew_at - time.monotonic()))
            self._wake.clear()
            try:
                self._free()
                if time.monotonic() >= renew_at:
                    renew_at = time.monotonic() + _RENEW_S
                    self._renew()
            except REDIS_ERRORS as error:
                logger.warning("Open streams could not be counted: %s", error)

    def _free(self) -> None:
        with self._lock:
            left, self._left = self._left, set()
        for key, tokens in _by_account(left).items():
            redis().zrem(key, *tokens)

    def _renew(self) -> None:
        with self._lock:
            kept = set(self._kept)
        for key, tokens in _by_account(kept).items():
            _script(_RENEW)(keys=[key], args=[_LEASE_MS, *tokens])


def _by_account(seats: set[StreamSlot]) -> dict[str, list[str]]:
    tokens: dict[str, list[str]] = defaultdict(list)
    for seat in seats:
        tokens[seat.key].append(seat.token)
    return tokens


@single_flight
def _script(text: str) -> Any:
    return redis().register_script(text)


_keeper = _Keeper()
