"""One Celery task per image, sent by name after commit: this side knows no worker code.

A task carries no image id: the image is chosen in fair order when a worker claims one (forge/jobs/fair_queue.py). Any
task may be lost or delivered twice, and the broker's order does not matter.
"""

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError

from forge import crash_points
from forge.redis_client import REDIS_ERRORS, redis_call

logger = logging.getLogger(__name__)

ANALYZE_TASK = "workers.analyze_image"


def send_after_commit(images: int) -> None:
    def send_now() -> None:
        crash_points.crash_point("between_commit_and_enqueue")
        send(images)

    transaction.on_commit(send_now, robust=True)


def send(images: int) -> None:
    """What cannot be sent stays queued in the database; the sweep sends it when the broker is back."""
    try:
        # One producer for all of them: a connection of its own for each task costs half as much again.
        with current_app.producer_pool.acquire(block=True) as producer:
            for _ in range(images):
                current_app.send_task(ANALYZE_TASK, producer=producer)
    except (BrokerError, *REDIS_ERRORS):
        logger.warning("The broker is away; the sweep will send what it has not got.", exc_info=True)


def broker_require() -> None:
    """Raises Unavailable when a task could not be sent now."""
    redis_call(lambda client: client.ping())


def broker_waiting() -> int:
    """How many tasks wait in the queue. Raises Unavailable."""
    return redis_call(lambda client: int(client.llen(settings.CELERY_TASK_DEFAULT_QUEUE)))


def broker_taken() -> int:
    """How many tasks workers took and have not ended; those of a dead worker stay for the visibility timeout."""
    return redis_call(lambda client: int(client.hlen("unacked")))
