import os

from celery import Celery
from kombu.transport import virtual
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Tasks in flight are not restored when a worker loses the broker: it still runs them, and a copy could not claim its
# image. kombu 5.7 also ends the worker there, with an AttributeError from `_connparams`, when Redis is gone by then.
# The images of a dead worker are found in the database (forge/jobs/leases.py).
Channel.do_restore = False


class OpenChannelQoS(virtual.QoS):
    """Counts the prefetched tasks in this process alone, and requeues nothing on a channel that is closed.

    A task that is rejected while the broker is away is requeued after the worker has closed its connection: kombu 5.7
    then raises AttributeError in the event loop, which ends the worker. The sweep sends such a task again.
    """

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().reject(delivery_tag, requeue and not self.channel.closed)


# Of a channel without `ack_emulation`, as CELERY_BROKER_TRANSPORT_OPTIONS sets it.
virtual.QoS = OpenChannelQoS  # type: ignore[misc]

app = Celery("forge")
app.config_from_object("django.conf:settings", namespace="CELERY")
