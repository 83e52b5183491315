"""Replies of Redis on a pub/sub connection of RESP2, parsed all at once as they arrive.

redis-py's parser awaits each line of a message: that took a third of the processor time of an event.
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
from typing import Any

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Reply = list[Any]  # bytes, int or None
_READ_BYTES = 2**16


class PubSubReplies:
    """Reads the connection in place of redis-py, from between two replies on."""

    def __init__(self, pubsub: PubSub) -> None:
        # Internal to the pinned redis-py.
        self._stream: asyncio.StreamReader = pubsub.connection._reader  # type: ignore[attr-defined]
        self._rest = b""

    async def read(self) -> list[Reply]:
        """Wait for replies and return them, one or more. Raises RedisError when Redis has closed the connection."""
        replies: list[Reply] = []
        while not replies:
            data = await self._stream.read(_READ_BYTES)
            if not data:
                raise RedisConnectionError("Redis has closed the connection.")
            replies, self._rest = parse(self._rest + data)
        return replies


def parse(data: bytes) -> tuple[list[Reply], bytes]:
    """Return the replies that are complete, and the bytes after them. Raises ResponseError for a reply that is one."""
    replies: list[Reply] = []
    start = 0
    while (found := _parse_one(data, start)) is not None:
        reply, start = found
        replies.append(reply)
    return replies, data[start:]


def _parse_one(data: bytes, start: int) -> tuple[Reply, int] | None:
    """Return the array of strings and numbers that begins at `start`, and where it ends; None if it goes on."""
    end = data.find(b"\r\n", start)
    if end < 0:
        return None
    if not data.startswith(b"*", start):
        raise ResponseError(data[start:end].decode(errors="replace"))
    items: Reply = []
    next_start = end + 2
    for _ in range(int(data[start + 1 : end])):
        start, end = next_start, data.find(b"\r\n", next_start)
        if end < 0:
            return None
        number = int(data[start + 1 : end])
        next_start = end + 2
        if data.startswith(b":", start):
            items.append(number)
        elif number < 0:
            items.append(None)
        else:
            next_start += number + 2
            if next_start > len(data):
                return None
            items.append(data[end + 2 : next_start - 2])
    return items, next_start
