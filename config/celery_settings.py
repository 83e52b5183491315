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


def transport_options(address: RedisAddress, *, lease_s: float) -> dict[str, Any]:
    return {
        # Longer than the lease: by then the sweep has requeued a dead worker's images, and what kombu redelivers finds
        # nothing to claim. kombu's default of an hour would be an hour of waiting where the sweep cannot run.
        "visibility_timeout": max(60, int(4 * lease_s)),
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5.0,
        "socket_connect_timeout": 2.0,
        **address.broker_options,
    }
