"""Tasks are sent within a deadline, whatever else uses the broker's connections."""

import logging
from typing import Any

import pytest
from celery import current_app

from forge.jobs import dispatch


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "_ACQUIRE_S", 0.01)


def test_an_empty_producer_pool_does_not_block(caplog: pytest.LogCaptureFixture) -> None:
    producers = [current_app.producer_pool.acquire(block=True) for _ in range(current_app.producer_pool.limit)]
    try:
        with caplog.at_level(logging.WARNING):
            dispatch.send(1)
    finally:
        for producer in producers:
            producer.release()

    assert "the sweep will send" in caplog.text
    before = dispatch.broker_queue_length()
    dispatch.send(1)
    assert dispatch.broker_queue_length() == before + 1


def test_there_are_fewer_senders_than_connections(caplog: pytest.LogCaptureFixture, monkeypatch: Any) -> None:
    limit = dispatch._producers._initial_value
    assert limit < current_app.producer_pool.limit

    for _ in range(limit):
        assert dispatch._producers.acquire(blocking=False)
    try:
        with caplog.at_level(logging.WARNING):
            dispatch.send(3)
    finally:
        for _ in range(limit):
            dispatch._producers.release()

    assert "the sweep will send 3 tasks" in caplog.text
