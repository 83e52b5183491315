"""The models' process as the worker sees it: started, asked, ended, and started anew when it has died."""

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from workers.models.base import Pixels
from workers.models.last_batch import LastBatch
from workers.models.subprocess.model_facts import Facts

logger = logging.getLogger(__name__)

_GRACE_S = 10.0
# Not `-m`: what is sent would be of another module than the one that receives it.
_CHILD = "from workers.models.subprocess.server import main; main()"


class ModelsDied(RuntimeError):
    """The models' process ended while it had a question. The next question starts another."""


class Process:
    """Asked from one thread at a time. `facts` of captioner and tagger, once loaded."""

    def __init__(self, name: str, options: dict[str, object], patience_s: float) -> None:
        self._name, self._options, self._patience_s = name, options, patience_s
        self.facts: tuple[Facts, Facts] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._sent = LastBatch[bool]()

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def load(self) -> None:
        if self._line is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._child = subprocess.Popen([sys.executable, "-c", _CHILD, str(end)], pass_fds=[end])
        self._line = Connection(ours.detach())
        try:
            # However long: vectors of a new vocabulary take minutes, and readyz says that the worker loads.
            self.facts = self._answer("load", self._name, self._options)
        except BaseException:
            self.end()
            raise

    def ask(self, what: str, batch: Sequence[Pixels], *rest: object) -> Any:
        self.load()
        # The tagger is asked about what the captioner has just seen.
        known = self._sent.answer(batch)
        with self._patience():
            answer = self._answer(what, None if known else list(batch), *rest)
        self._sent.keep(batch, True)
        return answer

    def end(self) -> str:
        """Says how it ended. Its line is closed, at which it ends by itself, unless it is busy for too long."""
        line, child = self._line, self._child
        self._line = self._child = None
        self._sent.forget()
        if line is not None:
            line.close()
        if child is None:
            return "it was not running"
        try:
            code = child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        return signal.strsignal(-code) or f"signal {-code}" if code < 0 else f"exit code {code}"

    def _answer(self, what: str, *arguments: object) -> Any:
        """Raises what the models raised, or ModelsDied."""
        line = self._line
        assert line is not None
        try:
            line.send((what, arguments))
            kind, told = line.recv()
            while kind == "log":
                _log(told)
                kind, told = line.recv()
        except (EOFError, OSError) as error:
            raise ModelsDied(f"The models' process ended: {self.end()}.") from error
        if kind == "raised":
            raise told
        return told

    @contextmanager
    def _patience(self) -> Iterator[None]:
        """One that hangs reads no question, either: its end is what lets the line go."""
        timer = threading.Timer(self._patience_s, self._lose)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _lose(self) -> None:
        logger.error("The models' process has not answered for %g s and is ended.", self._patience_s)
        if self._child is not None:
            self._child.kill()


def _log(record: logging.LogRecord) -> None:
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
