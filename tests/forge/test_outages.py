"""While Redis goes away, a request meets whatever redis-py raises, and is answered all the same."""

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
    def ask(*_: object, **__: object) -> object:
        raise error

    return ask


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_counted_is_let_through(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_retry_at", 0.0)
    assert counters.fail_open(raising(error)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_asked_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        redis_client.redis_call(raising(error))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_published_is_read_from_the_log(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_retry_at", 0.0)
    monkeypatch.setattr(eventstream.redis_client, "publish", raising(error))
    publisher.publish(job_id="job_x", seq=1, type="progress", data="{}")


@pytest.mark.django_db(transaction=True)
def test_between_its_calls_a_worker_holds_no_connection_of_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database._is_pooled() == (connection.vendor == "postgresql")
    monkeypatch.setattr(database, "_is_pooled", lambda: True)
    assert retry_until_available(Account.objects.count) == 0
    assert connection.connection is None


@pytest.mark.django_db(transaction=True)
def test_a_call_outlasts_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_RETRY_S", 0.01)
    outages = [OperationalError("the server is starting"), InterfaceError("connection already closed")]

    def call() -> str:
        if outages:
            raise outages.pop()
        return "told"

    assert retry_until_available(call) == "told"


def test_an_outage_that_lasts_is_told(settings: Any) -> None:
    settings.FORGE_ANALYSIS_TIMEOUT_S = -1.0
    with pytest.raises(OperationalError):
        retry_until_available(raising(OperationalError("gone")))  # type: ignore[arg-type]


def test_publishing_is_tried_once() -> None:
    assert eventstream.redis_client.connection_pool.make_connection().retry.get_retries() == 0


def test_hundreds_of_requests_may_ask_redis_at_once() -> None:
    for client in (redis_client._shared_client(), counters.redis()):
        assert client.connection_pool.max_connections > 1000
