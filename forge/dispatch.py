"""One Celery task per image, sent by name after commit: this side knows no worker code.

A task says that an image waits, not which: whose turn it is is decided when a worker takes one (forge/turns.py). So any
task may be lost or come twice, and the broker's order is nobody's.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from redis import Redis

from forge import faults
from forge.away import REDIS_AWAY, redis_client
from forge.errors import Unavailable
from forge.once import once

logger = logging.getLogger(__name__)

ANALYZE_TASK = "workers.analyze_image"
_LOADING_KEY = "forge:worker-loading"
_SUMS_KEY = "forge:sums"


def send_after_commit(images: int) -> None:
    def send_now() -> None:
        faults.point("between_commit_and_enqueue")
        send(images)

    transaction.on_commit(send_now, robust=True)


def send(images: int) -> None:
    """What cannot be sent stays queued in the database; the sweep sends it when the broker is back."""
    try:
        # One producer for all of them: a connection of its own for each task costs half as much again.
        with current_app.producer_pool.acquire(block=True) as producer:
            for _ in range(images):
                current_app.send_task(ANALYZE_TASK, producer=producer)
    except (BrokerError, *REDIS_AWAY):
        logger.warning("The broker is away; the sweep will send what it has not got.", exc_info=True)


def broker_require() -> None:
    """Raises Unavailable when a task could not be sent now."""
    _ask_broker(lambda client: client.ping())


def broker_waiting() -> int:
    """How many tasks wait in the queue. Raises Unavailable."""
    return int(_ask_broker(lambda client: client.llen(settings.CELERY_TASK_DEFAULT_QUEUE)))


def broker_taken() -> int:
    """How many tasks workers took and have not ended; those of a dead worker stay for the visibility timeout."""
    return int(_ask_broker(lambda client: client.hlen("unacked")))


def loading_tell(*, seconds: int) -> None:
    """For so long everybody knows that some worker is loading its models. Raises Unavailable."""
    _ask_broker(lambda client: client.set(_LOADING_KEY, "1", ex=seconds))


def loading_told() -> bool:
    """Raises Unavailable."""
    return bool(_ask_broker(lambda client: client.exists(_LOADING_KEY)))


def sums_add(growth: Mapping[str, float]) -> None:
    """Adds to sums that all processes share, to all of them or to none. Raises Unavailable."""

    def add(client: Redis) -> None:
        with client.pipeline(transaction=True) as pipeline:
            for name, amount in growth.items():
                pipeline.hincrbyfloat(_SUMS_KEY, name, amount)
            pipeline.execute()

    _ask_broker(add)


def sums() -> dict[str, float]:
    """Raises Unavailable."""
    found = _ask_broker(lambda client: client.hgetall(_SUMS_KEY))
    return {name.decode(): float(value) for name, value in found.items()}


def _ask_broker(question: Callable[[Redis], Any]) -> Any:
    try:
        return question(_broker())
    except REDIS_AWAY as error:
        raise Unavailable("The broker is away. Nothing was charged; please try again.") from error


@once
def _broker() -> Redis:
    # A client of our own: kombu's connections wait and retry, and a request wants to know now.
    return redis_client(timeout_s=2.0)
