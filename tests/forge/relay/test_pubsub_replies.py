"""Replies of Redis in pub/sub mode, in one piece and in parts; a connection that ends, and errors."""

import asyncio

import pytest
from redis import ConnectionError as RedisConnectionError
from redis import ResponseError

from forge.redis_client import async_redis_client
from forge.relay.pubsub_replies import PubSubReplies, parse

DATA = (
    b"*3\r\n$9\r\nsubscribe\r\n$2\r\nc1\r\n:1\r\n"
    b"*3\r\n$7\r\nmessage\r\n$2\r\nc1\r\n$13\r\nline\r\n*1\r\nend\r\n"
    b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
    b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
)
REPLIES = [
    [b"subscribe", b"c1", 1],
    [b"message", b"c1", b"line\r\n*1\r\nend"],
    [b"unsubscribe", None, 0],
    [b"pong", b""],
]


@pytest.mark.parametrize("cut", range(len(DATA) + 1))
def test_replies_are_read_in_parts(cut: int) -> None:
    first, rest = parse(DATA[:cut])
    second, nothing = parse(rest + DATA[cut:])

    assert first + second == REPLIES
    assert nothing == b""


def test_an_error_is_raised() -> None:
    with pytest.raises(ResponseError, match="NOAUTH"):
        parse(b"-NOAUTH Authentication required.\r\n")


def test_messages_of_a_server_are_those_that_were_published() -> None:
    texts = [b"", b"\r\n", b"*3\r\n$7\r\nmessage\r\n", bytes(range(256)) * 1000]

    async def run() -> list[object]:
        async with async_redis_client(5.0, protocol=2) as client, client.pubsub() as pubsub:
            await pubsub.subscribe("test:replies")
            replies = PubSubReplies(pubsub)
            found = await replies.read()
            assert found == [[b"subscribe", b"test:replies", 1]]
            for text in texts:
                await client.publish("test:replies", text)
            found = []
            while len(found) < len(texts):
                found += await replies.read()
            return [reply[2] for reply in found]

    assert asyncio.run(run()) == texts


def test_a_closed_connection_is_an_error() -> None:
    async def run() -> None:
        async with async_redis_client(5.0, protocol=2) as client, client.pubsub() as pubsub:
            await pubsub.subscribe("test:replies")
            replies = PubSubReplies(pubsub)
            await replies.read()
            await client.client_kill_filter(_type="pubsub")
            await replies.read()

    with pytest.raises(RedisConnectionError):
        asyncio.run(run())
