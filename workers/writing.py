"""The writer of this worker process, if its models are those of a vision server."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from workers.models import vision_server
from workers.models.writer import Writer

_POLL_S = 0.2

_writer: Writer | None = None
_falls_back = False


def load(options: Mapping[str, Any], *, fall_back: bool) -> None:
    """Make the writer and look for its server. Raises ModelUnavailable where the server refuses the key.

    `fall_back`: the embedded captioner answers while the server is away.
    """
    global _writer, _falls_back
    _writer, _falls_back = vision_server.create(options), fall_back
    _writer.load()


def close() -> None:
    if _writer is not None:
        _writer.unload()


def writer() -> Writer | None:
    """Return the writer, None where the engine's models write the words."""
    return _writer


def falls_back() -> bool:
    """Return whether the embedded captioner answers while the server is away."""
    return _falls_back


def waiting_reason() -> str:
    """Return why images wait in the queue; "" where they do not."""
    return "" if _writer is None or _falls_back else _writer.problem


def wait(stopping: threading.Event) -> None:
    """Wait until images no longer have to, or the shutdown begins."""
    while waiting_reason() and not stopping.wait(_POLL_S):
        pass


def wait_for_server(stopping: threading.Event, seconds: float) -> None:
    """Wait until the server responds, for an image that the embedded captioner cannot answer meanwhile."""
    until = time.monotonic() + seconds
    while _writer is not None and _writer.problem and time.monotonic() < until and not stopping.wait(_POLL_S):
        pass


def probe() -> None:
    if _writer is not None:
        _writer.probe()
