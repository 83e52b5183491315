import gc

# A start imports thousands of modules, and nothing of them is garbage. With Python's 700 the collector walked through
# all of it again and again: a fifth of the time until a worker's first answer.
gc.set_threshold(20_000, 10, 10)

from config.celery import app as celery_app  # noqa: E402

# Importing the project makes it Celery's current app, so that a web process sends tasks to our broker.
__all__ = ["celery_app"]
