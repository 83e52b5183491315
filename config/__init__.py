import gc
import sys

# A start imports thousands of modules, none of them garbage. With Python's default of 700 the collector scanned them
# again and again: a fifth of the time until a worker's first result.
gc.set_threshold(20_000, 10, 10)

from config.celery import app as celery_app  # noqa: E402
from config.env import SettingError  # noqa: E402

# Every process imports this package before it reads its settings through Django.
try:
    from config import settings  # noqa: F401
except SettingError as error:
    sys.exit(str(error))

# Importing the project makes it Celery's current app, so that a web process sends tasks to our broker.
__all__ = ["celery_app"]
