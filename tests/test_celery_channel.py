"""Messages that are settled after the worker has lost its connection to the broker."""

import os
from collections.abc import Iterator

import pytest
import redis
from kombu import Connection, Message, Queue

from config.celery import app


@pytest.fixture
def received() -> Iterator[tuple[Connection, Message]]:
    """Return a connection and a message that it received, not yet acknowledged."""
    with Connection(os.environ["REDIS_URL"], transport_options=app.conf.broker_transport_options) as connection:
        channel = connection.channel()
        queue = Queue("settled-late", channel=channel)
        queue.declare()
        connection.Producer(channel).publish("1", routing_key="settled-late", exchange="")
        message = queue.get()
        assert message is not None
        yield connection, message
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.delete("unacked", "unacked_index")


@pytest.mark.parametrize("settle", ["ack", "reject", "requeue"])
def test_a_message_of_a_closed_connection(received: tuple[Connection, Message], settle: str) -> None:
    connection, message = received
    connection.close()
    getattr(message, settle)()  # raises nothing: it would end the worker
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.hlen("unacked") == 1


@pytest.mark.parametrize("settle", ["ack", "reject"])
def test_a_message_of_an_open_connection(received: tuple[Connection, Message], settle: str) -> None:
    connection, message = received
    getattr(message, settle)()
    connection.close()
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.hlen("unacked") == 0
