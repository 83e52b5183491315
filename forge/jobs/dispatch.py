"""Send one Celery task per image, by task name and after commit.

A task names an image for people who look at the queue (`celery inspect`, Flower). Its worker claims the next image in
fair order, so a task may be lost or delivered twice, and the broker's order does not matter.
"""

import logging
from collections.abc import Sequence

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu import Producer, uuid
from kombu.exceptions import KombuError, LimitExceeded

from forge import crash_points
from forge.redis_client import REDIS_ERRORS, redis_call

logger = logging.getLogger(__name__)

ANALYZE_TASK = "workers.analyze_image"

_ACQUIRE_S = 2.0


QueuedImage = tuple[str, str]  # queue, image id


def send_after_commit(images: Sequence[QueuedImage]) -> None:
    def send_now() -> None:
        crash_points.crash_point("between_commit_and_enqueue")
        send(images)

    transaction.on_commit(send_now, robust=True)


def send(images: Sequence[QueuedImage]) -> None:
    """Send a task for each image. The sweep resends those that fail: their images stay queued in the database."""
    try:
        # One connection and one pipeline for all tasks: a round trip for each costs twice as much. Not the pool of
        # producers: it waits for a connection of this pool while it holds a producer, and without a deadline.
        with current_app.pool.acquire(block=True, timeout=_ACQUIRE_S) as connection:
            producer = current_app.amqp.Producer(connection)  # type: ignore[arg-type]
            with producer.batch():  # type: ignore[attr-defined]
                for queue, image_id in images:
                    _send(producer, queue, image_id)
    except LimitExceeded:
        logger.warning("All connections to the broker are in use; the sweep will send %d tasks.", len(images))
    except (KombuError, *REDIS_ERRORS):
        logger.warning("The broker is unreachable; the sweep will send the missing tasks.", exc_info=True)


def _send(producer: Producer, queue: str, image_id: str) -> None:
    """Send the message of Celery.send_task, which looks up routes and options anew: twice the processor time."""
    message = current_app.amqp.as_task_v2(uuid(), ANALYZE_TASK, args=[image_id])  # type: ignore[arg-type]
    producer.publish(
        message.body, exchange="", routing_key=queue, serializer="json", headers=message.headers, **message.properties
    )


def broker_ping() -> None:
    """Raise Unavailable when the broker cannot be reached."""
    redis_call(lambda client: client.ping())


def broker_queue_length(*queues: str) -> int:
    """Return the number of tasks in the queues, by default the default one and this process's. Raises Unavailable."""
    names = queues or {settings.FORGE_DEFAULT_QUEUE, *settings.FORGE_QUEUES}
    return redis_call(lambda client: sum(int(client.llen(name)) for name in names))
