"""Keep-alive comments of all streams, sent by one task: a timer for each stream costs 1 kB and a switch of tasks."""

import asyncio
import time
from collections import OrderedDict
from typing import Protocol

from django.conf import settings

# Without a blank line, which client libraries take for the end of an event without data.
KEEP_ALIVE = b": keep-alive\n"
# At once for all that are due: each turn of the loop costs as much as three comments.
_TURN_S = 0.05


class _Stream(Protocol):
    def keep_alive(self) -> None: ...


class KeepAlives:
    """The streams of an event loop in the order of their last byte."""

    def __init__(self) -> None:
        self._sent_at: OrderedDict[_Stream, float] = OrderedDict()

    def restart(self, stream: _Stream) -> None:
        """Note that the stream has sent something now."""
        self._sent_at[stream] = time.monotonic()
        self._sent_at.move_to_end(stream)

    def remove(self, stream: _Stream) -> None:
        self._sent_at.pop(stream, None)

    async def send_forever(self) -> None:
        """Send a comment on each stream that has sent nothing for FORGE_KEEPALIVE_S."""
        while True:
            wait_s = settings.FORGE_KEEPALIVE_S  # no stream that opens meanwhile is due earlier
            while self._sent_at:
                stream, sent_at = next(iter(self._sent_at.items()))
                wait_s = sent_at + settings.FORGE_KEEPALIVE_S - time.monotonic()
                if wait_s > 0:
                    break
                self.restart(stream)
                stream.keep_alive()
            await asyncio.sleep(max(_TURN_S, wait_s))


keep_alives = KeepAlives()
