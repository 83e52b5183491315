import os

from celery import Celery
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# What a worker holds when it loses the broker, it still works on: sent again, it would only be refused its claim.
# kombu 5.7 moreover ends the worker on it, with an AttributeError out of `_connparams`, when Redis is gone by then.
# What a dead worker held is found in the database (forge/jobs/leases.py).
Channel.do_restore = False

app = Celery("forge")
app.config_from_object("django.conf:settings", namespace="CELERY")
