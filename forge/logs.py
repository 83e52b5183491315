"""What each log line tells beside its sentence: which request, job and image it is about; and what no line may tell."""

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

FIELDS = ("requestId", "jobId", "imageId")
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))

# What a caller, a library or a traceback may bring into a sentence of ours.
_SECRETS = (
    (re.compile(r"sk-[A-Za-z0-9]{20,}"), "sk-…"),  # an API key
    (re.compile(r"(://[^\s:/@]*:)[^\s@]+@"), r"\1…@"),  # a password in an address
    (re.compile(r"(?:\\x[0-9a-f]{2}[^\\]{0,4}){8,}"), "…"),  # the bytes of a picture
)


def begin(**ids: str) -> None:
    """A new request or task: lines tell these ids from here on, and none that were told before."""
    _about.set(ids)


def bind(**ids: str) -> None:
    """From here on every line of this thread or task tells these ids, too: `requestId`, `jobId`, `imageId`."""
    _about.set({**_about.get(), **ids})


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def request_id() -> str:
    """Of the request that is being answered; empty outside one."""
    return _about.get().get("requestId", "")


def redacted(text: str) -> str:
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class About(logging.Filter):
    """Puts the ids on the record; for a handler, so that lines of libraries have them too."""

    def filter(self, record: logging.LogRecord) -> bool:
        about = _about.get()
        for field in FIELDS:
            setattr(record, field, about.get(field, ""))
        return True


class Plain(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(filter(None, (getattr(record, field, "") for field in FIELDS)))
        told = copy.copy(record)  # other handlers have the same record
        told.ids = f" [{ids}]" if ids else ""
        return redacted(super().format(told))


class Json(JsonFormatter):
    """One object a line, for machines: time, level, logger, message, the ids where there are any, exc_info."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        when = {"time": log_data.pop("time").isoformat()}
        # Of what libraries attach, what says something in a line: no request objects, no colours for a terminal.
        plain = {name: value for name, value in log_data.items() if isinstance(value, str | int | float)}
        plain.pop("color_message", None)
        told = {name: redacted(value) if isinstance(value, str) else value for name, value in plain.items()}
        return when | {name: value for name, value in told.items() if value != ""}


@task_prerun.connect
@task_postrun.connect
def _forget(**_: Any) -> None:
    # The thread has done other tasks before.
    begin()
