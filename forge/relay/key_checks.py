"""Whether the API keys of open streams are still accepted, read before an event is sent."""

import asyncio

from forge.database import DATABASE_ERRORS
from forge.models import ApiKey
from forge.relay.log import run_in_log_pool


class KeyChecks:
    """Reads the keys of all streams that wait at the same time in one query."""

    def __init__(self) -> None:
        self._wanted: dict[int, asyncio.Future[bool]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def is_accepted(self, key_id: int) -> bool:
        """Return whether requests with this key are accepted now; True while the database is unavailable."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._wanted, self._reading = loop, {}, None
        answer = self._wanted.setdefault(key_id, loop.create_future())
        if self._reading is None or self._reading.done():
            self._reading = loop.create_task(self._read())
        return await asyncio.shield(answer)

    async def _read(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            accepted = set(wanted)
            try:
                accepted = await run_in_log_pool(lambda keys=list(wanted): _accepted(keys))  # type: ignore[misc]
            except DATABASE_ERRORS:
                pass  # The events of these streams come from Redis; the next one is checked again.
            finally:
                for key_id, answer in wanted.items():
                    answer.set_result(key_id in accepted)


def _accepted(key_ids: list[int]) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(key_ids), 500):  # SQLite bounds the number of parameters.
        keys = ApiKey.objects.select_related("account").filter(pk__in=key_ids[start : start + 500])
        found |= {key.pk for key in keys if key.is_accepted}
    return found


key_checks = KeyChecks()
