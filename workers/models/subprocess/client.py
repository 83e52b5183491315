"""The worker's side of the model process."""

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Literal

from workers.models.base import Pixels
from workers.models.last_batch import LastBatchCache
from workers.models.subprocess.model_metadata import ModelMetadata

logger = logging.getLogger(__name__)

_STOP_TIMEOUT_S = 10.0
# Not `-m`: classes in __main__ would unpickle as others.
_CHILD = "from workers.models.subprocess.server import main; main()"


class ModelProcessDied(RuntimeError):
    """The model process ended during a call; the next call starts another one."""


class ModelProcess:
    """A handle of the process, not thread-safe. `load` sets `metadata`: of captioner and tagger, or of the writer."""

    def __init__(
        self,
        name: str,
        options: dict[str, object],
        timeout_s: float,
        *,
        method: Literal["load", "load_writer"] = "load",
    ) -> None:
        self._name, self._options, self._timeout_s, self._method = name, options, timeout_s, method
        self.metadata: tuple[ModelMetadata, ...] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._sent = LastBatchCache[bool]()

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def load(self) -> None:
        if self._connection is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            self._child = subprocess.Popen([sys.executable, "-c", _CHILD, str(descriptor)], pass_fds=[descriptor])
        self._connection = Connection(ours.detach())
        try:
            # No timeout: embeddings of a new vocabulary take minutes, and readyz reports loading.
            self.metadata = self._request(self._method, self._name, self._options)
        except BaseException:
            self.stop()
            raise

    def call(self, method: str, batch: Sequence[Pixels], *arguments: object) -> Any:
        """Call a method with a batch. Raises what the models raise, or ModelProcessDied."""
        self.load()
        # The tagger's batch is the captioner's and is not sent again.
        sent = self._sent.get(batch)
        with self._watchdog():
            result = self._request(method, None if sent else list(batch), *arguments)
        self._sent.put(batch, True)
        return result

    def stop(self) -> str:
        """Close the connection, at which the process exits, or kill it. Return how it ended."""
        connection, child = self._connection, self._child
        self._connection = self._child = None
        self._sent.clear()
        if connection is not None:
            connection.close()
        if child is None:
            return "it was not running"
        try:
            code = child.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit code {code}"

    def _request(self, method: str, *arguments: object) -> Any:
        connection = self._connection
        assert connection is not None
        try:
            connection.send((method, arguments))
            kind, payload = connection.recv()
            while kind == "log":
                _log(payload)
                kind, payload = connection.recv()
        except (EOFError, OSError) as error:
            raise ModelProcessDied(f"The model process ended: {self.stop()}.") from error
        if kind == "raised":
            raise payload
        return payload

    @contextmanager
    def _watchdog(self) -> Iterator[None]:
        """Kill a hanging process, which would block `send`, too."""
        timer = threading.Timer(self._timeout_s, self._kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill(self) -> None:
        logger.error("The model process has not responded for %g s and is killed.", self._timeout_s)
        if self._child is not None:
            self._child.kill()


def _log(record: logging.LogRecord) -> None:
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
