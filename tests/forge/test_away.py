"""While Redis goes away, a request meets whatever redis-py raises, and is answered all the same."""

import pytest
from django_eventstream import eventstream
from redis import ConnectionError as RedisConnectionError

from forge import dispatch
from forge.errors import Unavailable
from forge.quotas import counters
from forge.relay import publisher

RAISED = [RedisConnectionError("reset"), OSError(9, "Bad file descriptor")]


def raising(error: Exception) -> object:
    def ask(*_: object, **__: object) -> object:
        raise error

    return ask


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_counted_is_let_through(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_ask_again_at", 0.0)
    assert counters.counted(raising(error)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_asked_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable):
        dispatch._ask_broker(raising(error))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", RAISED, ids=str)
def test_what_cannot_be_published_is_read_from_the_log(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_publish_again_at", 0.0)
    monkeypatch.setattr(eventstream.redis_client, "publish", raising(error))
    publisher.publish(job_id="job_x", seq=1, type="progress", data="{}")
