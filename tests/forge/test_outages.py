"""Outages of Redis and the database: exceptions of redis-py are handled, database calls are retried."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django_eventstream import eventstream
from redis import ConnectionError as RedisConnectionError

from forge import database, redis_client
from forge.database import retry_until_available
from forge.errors import Unavailable
from forge.limits import counters
from forge.models import Account
from forge.relay import publisher

RAISED = [RedisConnectionError("reset"), OSError(9, "Bad file descriptor")]


def raising(error: Exception) -> object:
    def call(*_: object, **__: object) -> object:
        raise error

    return call


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_rate_limits_fail_open(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_retry_at", 0.0)
    assert counters.fail_open(raising(error)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_a_failed_redis_call_raises_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        redis_client.redis_call(raising(error))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_a_failed_publish_raises_nothing(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_retry_at", 0.0)
    monkeypatch.setattr(eventstream.redis_client, "publish", raising(error))
    publisher.publish(job_id="job_x", seq=1, type="progress", data="{}")


@pytest.mark.django_db(transaction=True)
def test_a_worker_returns_its_pooled_connection_after_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database._is_pooled() == (connection.vendor == "postgresql")
    monkeypatch.setattr(database, "_is_pooled", lambda: True)
    assert retry_until_available(Account.objects.count) == 0
    assert connection.connection is None


@pytest.mark.django_db(transaction=True)
def test_a_call_is_retried_until_the_database_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_RETRY_S", 0.01)
    outages = [OperationalError("the server is starting"), InterfaceError("connection already closed")]

    def call() -> str:
        if outages:
            raise outages.pop()
        return "result"

    assert retry_until_available(call) == "result"


def test_a_call_raises_after_the_retry_deadline(settings: Any) -> None:
    settings.FORGE_ANALYSIS_TIMEOUT_S = -1.0
    with pytest.raises(OperationalError):
        retry_until_available(raising(OperationalError("gone")))  # type: ignore[arg-type]


def test_publishing_is_not_retried() -> None:
    assert eventstream.redis_client.connection_pool.make_connection().retry.get_retries() == 0


def test_redis_clients_allow_hundreds_of_concurrent_calls() -> None:
    for client in (redis_client._shared_client(), counters.redis()):
        assert client.connection_pool.max_connections > 1000
