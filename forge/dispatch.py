"""One Celery task per image, sent by name after commit: this side knows no worker code."""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis import Redis
from redis.exceptions import RedisError

from forge import faults
from forge.errors import Unavailable

logger = logging.getLogger(__name__)

ANALYZE_TASK = "workers.analyze_image"


def send_after_commit(analysis_ids: Sequence[int]) -> None:
    def send_now() -> None:
        faults.point("between_commit_and_enqueue")
        send(analysis_ids)

    transaction.on_commit(send_now, robust=True)


def send(analysis_ids: Sequence[int]) -> None:
    """What cannot be sent stays queued in the database; the sweep sends it when the broker is back."""
    try:
        # One producer for all of them: a connection of its own for each task costs half as much again.
        with current_app.producer_pool.acquire(block=True) as producer:
            for analysis_id in analysis_ids:
                current_app.send_task(ANALYZE_TASK, args=[analysis_id], producer=producer)
    except (BrokerError, RedisError, OSError):
        logger.warning("The broker is away; the sweep will send what it has not got.", exc_info=True)


def broker_require() -> None:
    """Raises Unavailable when a task could not be sent now."""
    _ask_broker(lambda client: client.ping())


def broker_waiting() -> int:
    """How many tasks wait in the queue. Raises Unavailable."""
    return int(_ask_broker(lambda client: client.llen(settings.CELERY_TASK_DEFAULT_QUEUE)))


def _ask_broker(question: Callable[[Redis], Any]) -> Any:
    try:
        return question(_broker())
    except (RedisError, OSError) as error:
        raise Unavailable("The broker is away. Nothing was charged; please try again.") from error


@cache
def _broker() -> Redis:
    # A client of our own: kombu's connections wait and retry, and a request wants to know now.
    return Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0, retry=None)
