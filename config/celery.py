import os

from celery import Celery
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Tasks in flight are not restored when a worker loses the broker: it still runs them, and a copy could not claim its
# image. kombu 5.7 also ends the worker there, with an AttributeError from `_connparams`, when Redis is gone by then.
# The images of a dead worker are found in the database (forge/jobs/leases.py).
Channel.do_restore = False

app = Celery("forge")
app.config_from_object("django.conf:settings", namespace="CELERY")
