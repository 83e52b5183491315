"""Celery: settings that nobody changes, under the names that config/celery.py reads."""

from typing import Any

from config.redis_address import RedisAddress

CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis that is out of memory refuses single commands. Without this it would end the workers, one after the other.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.05, "interval_max": 0.2}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False  # config/log_settings.py is for workers too
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_POOL = "threads"
CELERY_IMPORTS = ("workers.tasks",)


def transport_options(address: RedisAddress) -> dict[str, Any]:
    return {
        # A task that a worker has received is not kept in Redis until it ends, which takes eight commands. What a dead
        # worker had is found in the database (docs/decisions/0044-tasks-in-redis.md).
        "ack_emulation": False,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        **address.broker_options,
    }
