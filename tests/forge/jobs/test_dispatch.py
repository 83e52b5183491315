"""Tasks are sent within a deadline, whatever else uses the broker's connections."""

import logging

import pytest
from celery import current_app

from forge.jobs import dispatch
from forge.redis_client import redis_call

IMAGES = [("images", f"img_{number}") for number in range(3)]


def test_an_empty_connection_pool_does_not_block(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_ACQUIRE_S", 0.01)
    connections = [current_app.pool.acquire(block=True) for _ in range(current_app.pool.limit or 0)]
    try:
        with caplog.at_level(logging.WARNING):
            dispatch.send(IMAGES)
    finally:
        for connection in connections:
            connection.release()

    assert "the sweep will send 3 tasks" in caplog.text
    before = dispatch.broker_queue_length()
    dispatch.send(IMAGES)
    assert dispatch.broker_queue_length() == before + 3


def test_tasks_that_redis_refuses_are_left_to_the_sweep(caplog: pytest.LogCaptureFixture) -> None:
    redis_call(lambda client: client.set("no-list", "1"))
    try:
        with caplog.at_level(logging.WARNING):
            dispatch.send([("no-list", "img_1"), ("no-list", "img_2")])
    finally:
        redis_call(lambda client: client.delete("no-list"))

    assert "the sweep will send the missing tasks" in caplog.text
    before = dispatch.broker_queue_length()
    dispatch.send(IMAGES)
    assert dispatch.broker_queue_length() == before + 3
