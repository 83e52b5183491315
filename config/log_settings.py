"""Python's logging: one handler, on stderr."""

from typing import Any


def log_settings(log_format: str, level: int) -> dict[str, Any]:
    """`log_format`: `plain` or `json`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "about": {"()": "forge.logs.LogContextFilter"},
            "tracebacks": {"()": "forge.logs.TracebackFilter"},
        },
        "formatters": {
            "plain": {
                "()": "forge.logs.PlainFormatter",
                "fmt": "{asctime} {levelname} {name}:{ids} {message}",
                "style": "{",
                "validate": False,
            },
            "json": {"()": "forge.logs.JsonLineFormatter"},
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": log_format, "filters": ["about"]},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # They log each stream that opens, each task that arrives and ends, each request of the demo.
            **{
                n: {"level": "WARNING"}
                for n in ("django_eventstream", "celery.worker", "celery.app.trace", "httpx", "httpcore", "botocore")
            },
            # Their own handlers lack the ids, the removal of secrets and the format.
            **{n: {"handlers": [], "propagate": True} for n in ("uvicorn", "uvicorn.error", "django", "django.server")},
            # Each request is in the access log of forge/api/asgi once. A logger of uvicorn that is not named here would
            # be enabled again, against its --no-access-log, and logs the query string.
            "uvicorn.access": {"handlers": [], "propagate": False},
            "django.request": {"filters": ["tracebacks"]},
        },
    }
