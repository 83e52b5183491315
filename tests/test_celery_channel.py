"""Messages that a worker has received: kept by the worker alone, and settled even without the broker."""

import os
from collections.abc import Iterator

import pytest
import redis
from kombu import Connection, Message, Queue

from config.celery import app

QUEUE = "settled-late"


@pytest.fixture
def received() -> Iterator[tuple[Connection, Message]]:
    """Return a connection and a message that it received, not yet acknowledged."""
    with Connection(os.environ["REDIS_URL"], transport_options=app.conf.broker_transport_options) as connection:
        channel = connection.channel()
        queue = Queue(QUEUE, channel=channel)
        queue.declare()
        connection.Producer(channel).publish("1", routing_key=QUEUE, exchange="")
        message = queue.get()
        assert message is not None
        yield connection, message
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.delete(QUEUE)


def queued_and_stored() -> tuple[int, int]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        return int(client.llen(QUEUE)), int(client.exists("unacked", "unacked_index"))


def test_a_message_in_flight_is_not_stored_in_redis(received: tuple[Connection, Message]) -> None:
    assert queued_and_stored() == (0, 0)


@pytest.mark.parametrize("settle", ["ack", "reject", "requeue"])
def test_a_message_of_a_closed_connection(received: tuple[Connection, Message], settle: str) -> None:
    connection, message = received
    connection.close()
    getattr(message, settle)()  # raises nothing: it would end the worker
    assert queued_and_stored() == (0, 0)


@pytest.mark.parametrize(("settle", "queued"), [("ack", 0), ("reject", 0), ("requeue", 1)])
def test_a_message_of_an_open_connection(received: tuple[Connection, Message], settle: str, queued: int) -> None:
    connection, message = received
    getattr(message, settle)()
    connection.close()
    assert queued_and_stored() == (queued, 0)
