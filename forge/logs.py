"""Log context (the ids of request, job and image on each line), formatters, and redaction of secrets."""

import copy
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from celery.signals import task_postrun, task_prerun
from pythonjsonlogger.json import JsonFormatter

from forge.printable import escaped

CONTEXT_FIELDS = ("requestId", "jobId", "imageId")
_context: ContextVar[Mapping[str, str]] = ContextVar("log_context", default=MappingProxyType({}))

# Callers, libraries and tracebacks may put these into a message.
_SECRET_PATTERNS = (
    (re.compile(r"sk-[A-Za-z0-9]{20,}"), "sk-…"),  # an API key
    (re.compile(r"(://[^\s:/@]*:)[^\s@]+@"), r"\1…@"),  # a password in a URL
    (re.compile(r"(?:\\x[0-9a-f]{2}[^\\]{0,4}){8,}"), "…"),  # the bytes of an image
)


def reset(**ids: str) -> None:
    """Replace the log context at the start of a request or task."""
    _context.set(ids)


def bind(**ids: str) -> None:
    """Add `requestId`, `jobId` or `imageId` to the log context of this thread or asyncio task."""
    _context.set({**_context.get(), **ids})


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    token = _context.set({**_context.get(), **ids})
    try:
        yield
    finally:
        _context.reset(token)


def ids() -> Mapping[str, str]:
    """Return the current log context, for a task that goes on with this request."""
    return _context.get()


def request_id() -> str:
    """Return the current request's id; empty outside a request."""
    return _context.get().get("requestId", "")


def redact(text: str) -> str:
    for pattern, replacement in _SECRET_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class LogContextFilter(logging.Filter):
    """Add the log context to each record. Attach it to a handler, so that the records of libraries have it too."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = _context.get()
        for field in CONTEXT_FIELDS:
            setattr(record, field, context.get(field, ""))
        return True


class TracebackFilter(logging.Filter):
    """Drop Django's records without a traceback: the access log has each request already."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


class PlainFormatter(logging.Formatter):
    """One line per message, in which a caller's text is escaped; lines of a traceback are indented."""

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(filter(None, (getattr(record, field, "") for field in CONTEXT_FIELDS)))
        own = copy.copy(record)  # handlers share the record
        own.ids = f" [{ids}]" if ids else ""
        own.msg, own.args = escaped(record.getMessage()), None
        own.exc_text = None  # of another formatter
        return redact(super().format(own))

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name of the base class)
        return _continuation(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _continuation(super().formatStack(stack_info))


class JsonLineFormatter(JsonFormatter):
    """One JSON object per line: time, level, logger, message, the ids if any, exc_info."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        time = {"time": log_data.pop("time").isoformat()}
        # Libraries attach request objects and terminal colours too.
        plain = {name: value for name, value in log_data.items() if isinstance(value, str | int | float)}
        plain.pop("color_message", None)
        redacted = {name: _shown(value) if isinstance(value, str) else value for name, value in plain.items()}
        return time | {name: value for name, value in redacted.items() if value != ""}


def _continuation(text: str) -> str:
    return "\n".join("    " + escaped(line, keep="\t") for line in text.splitlines())


def _shown(text: str) -> str:
    return redact(escaped(text, keep="\n\t"))  # JSON has its own escapes of these two


@task_prerun.connect
@task_postrun.connect
def _clear_context(**_: Any) -> None:
    # Pool threads are reused: without this a task would log with the ids of the previous one.
    reset()
