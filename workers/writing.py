"""The writer of this worker process, if its family of models writes the words itself."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from workers import models
from workers.models.subprocess import SubprocessWriter
from workers.models.writer import Writer

_POLL_S = 0.2
# Beyond the writer's own deadline, after which a process that hangs is killed.
_GRACE_S = 30.0

_writer: Writer | None = None
_falls_back = False


def create(family: str, options: Mapping[str, Any], *, in_process: bool = False) -> Writer:
    """Return the writer of a family, not loaded. Raises ModelUnavailable and ValueError.

    A local checkpoint runs in a process of its own, unless `in_process`.
    """
    if family == "transformers" and not in_process:
        return SubprocessWriter(options["timeout_s"] + _GRACE_S, family, options)
    return models.create_writer(family, options)


def load(family: str, options: Mapping[str, Any], *, fall_back: bool, in_process: bool) -> None:
    """Make the writer and load it, or look for its server. Raises ModelUnavailable where it cannot be used.

    `fall_back`: the embedded captioner answers while the server is away.
    """
    global _writer, _falls_back
    _writer, _falls_back = create(family, options, in_process=in_process), fall_back
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


def unload_if_idle(seconds: float) -> bool:
    """Free the memory of a local checkpoint idle for so long; the next image loads it again."""
    return isinstance(_writer, SubprocessWriter) and _writer.unload_if_idle(seconds)


def probe() -> None:
    if _writer is not None:
        _writer.probe()
