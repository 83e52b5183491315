"""Whether the API keys of open streams are still accepted, read before an event is sent.

A key is read once for all its streams: read at each event, it costs more than the event. An accepted key is kept only
while this process hears of changes of keys and accounts (`KEYS_CHANNEL`), and no longer than VALID_S.
"""

import asyncio
import time

from forge.database import DATABASE_ERRORS
from forge.models import ApiKey
from forge.relay.log import run_in_log_pool

# For keys that expire, and for a change that could not be published.
VALID_S = 2.0


class KeyChecks:
    """Reads the keys of all streams that wait at the same time in one query; keeps accepted ones for VALID_S."""

    def __init__(self) -> None:
        self._keeps = False
        self._changes = 0
        self._accepted_until: dict[int, float] = {}
        self._wanted: dict[int, asyncio.Future[bool]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def keep(self, keeps: bool) -> None:
        """Keep accepted keys from now on, or no longer: after a change of keys is heard of, or may have been missed."""
        self._keeps = keeps
        self._changes += 1
        self._accepted_until = {}

    def is_kept(self, key_id: int | None) -> bool:
        """Return whether this is known without a read: the key is accepted, or there is none."""
        if key_id is None:
            return True
        until = self._accepted_until.get(key_id, 0.0)
        return time.monotonic() < until and self._loop is asyncio.get_running_loop()

    async def is_accepted(self, key_id: int) -> bool:
        """Return whether requests with this key are accepted now; True while the database is unavailable."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._wanted, self._reading, self._accepted_until = loop, {}, None, {}
        if time.monotonic() < self._accepted_until.get(key_id, 0.0):
            return True
        answer = self._wanted.setdefault(key_id, loop.create_future())
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read())
        return await asyncio.shield(answer)

    async def _read(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            accepted, until, changes = set(wanted), time.monotonic() + VALID_S, self._changes
            try:
                accepted = await run_in_log_pool(lambda keys=list(wanted): _accepted(keys))  # type: ignore[misc]
            except DATABASE_ERRORS:
                pass  # The events of these streams come from Redis; later ones are checked again.
            finally:
                # Without the keys of streams that have ended.
                self._accepted_until = {key: end for key, end in self._accepted_until.items() if end > until - VALID_S}
                if self._keeps and changes == self._changes:
                    self._accepted_until |= dict.fromkeys(accepted, until)
                for key_id, answer in wanted.items():
                    answer.set_result(key_id in accepted)


def _accepted(key_ids: list[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(key_ids), 500):  # SQLite bounds the number of parameters.
        keys = ApiKey.objects.select_related("account").filter(pk__in=key_ids[start : start + 500])
        found |= {key.pk for key in keys if key.is_accepted}
    return found


key_checks = KeyChecks()
