from config.celery import app as celery_app

# Importing the project makes it Celery's current app, so that a web process sends tasks to our broker.
__all__ = ["celery_app"]
