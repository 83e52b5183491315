"""The models' process: one question after the other, until the line is closed."""

import logging
import logging.handlers
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection

from workers.models import create
from workers.models.base import Caption, Hint, Pixels, Tag
from workers.models.subprocess.model_facts import Facts, facts_of
from workers.runtime.out_of_memory import is_out_of_memory


def main() -> None:
    # A terminal's Ctrl-C and a supervisor's SIGTERM reach both processes; the worker ends what it has begun first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    serve(Connection(int(sys.argv[1])))


def serve(line: Connection) -> None:
    """Each question is a method's name and its arguments; each answer "answered" or "raised", and what."""
    root = logging.getLogger()
    root.addHandler(_LineHandler(line))
    root.setLevel(logging.INFO)
    models = _Models()
    while True:
        try:
            what, arguments = line.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            answer = "answered", getattr(models, what)(*arguments)
        except Exception as error:  # noqa: BLE001 (it is raised at the other end)
            answer = "raised", _sendable(error)
        try:
            line.send(answer)
        except BrokenPipeError:
            return


class _Models:
    """The last batch stays, so that the tagger is asked about the very arrays that the captioner saw."""

    _batch: Sequence[Pixels] = ()

    def load(self, name: str, options: dict[str, object]) -> tuple[Facts, Facts]:
        self._captioner, self._tagger = create(name, **options)
        self._captioner.load()
        self._tagger.load()
        return facts_of(self._captioner), facts_of(self._tagger)

    def captions(self, batch: Sequence[Pixels] | None) -> list[list[Caption]]:
        return self._captioner.predict(self._seen(batch))

    def tags(self, batch: Sequence[Pixels] | None, hints: Sequence[Hint]) -> list[list[Tag]]:
        return self._tagger.tag(self._seen(batch), hints)

    def _seen(self, batch: Sequence[Pixels] | None) -> Sequence[Pixels]:
        if batch is not None:
            self._batch = batch
        return self._batch


class _LineHandler(logging.handlers.QueueHandler):
    """What is logged here is logged there, where the logs are set up."""

    def __init__(self, line: Connection) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._line = line

    def enqueue(self, record: logging.LogRecord) -> None:
        self._line.send(("log", record))


def _sendable(error: Exception) -> Exception:
    """Torch's own errors would have the other end import torch."""
    told = error
    if is_out_of_memory(error):
        told = MemoryError(str(error))
    elif type(error).__module__.partition(".")[0] not in {"builtins", "workers"} or not _survives(error):
        told = RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note("".join(traceback.format_exception(error)))
    return told


def _survives(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (written a moment ago)
    except Exception:  # noqa: BLE001 (whatever the error's own constructor makes of it)
        return False
    return True


def _end_with(parent: int) -> None:
    """Models that are busy do not see that the line is closed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
