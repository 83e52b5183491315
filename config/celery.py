import os

from celery import Celery
from kombu.transport.redis import Channel, QoS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Tasks in flight are not restored when a worker loses the broker: it still runs them, and a copy could not claim its
# image. kombu 5.7 also ends the worker there, with an AttributeError from `_connparams`, when Redis is gone by then.
# The images of a dead worker are found in the database (forge/jobs/leases.py).
Channel.do_restore = False


class OpenChannelQoS(QoS):
    """Acknowledges nothing on a channel that is closed.

    A task that ends while the broker is away is acknowledged after the worker has closed its connection: kombu 5.7 then
    raises AttributeError in the event loop, which ends the worker. Such a message comes again after the visibility
    timeout and finds no image to claim.
    """

    def ack(self, delivery_tag: str) -> None:
        if not self.channel.closed:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        if not self.channel.closed:
            super().reject(delivery_tag, requeue)


Channel.QoS = OpenChannelQoS

app = Celery("forge")
app.config_from_object("django.conf:settings", namespace="CELERY")
