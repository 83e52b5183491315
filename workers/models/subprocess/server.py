"""The model process: serves requests until the connection is closed."""

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

from workers.models import create, create_writer
from workers.models.base import Caption, Hint, Pixels, Tag
from workers.models.evidence import Evidence
from workers.models.options import Options
from workers.models.subprocess.model_metadata import ModelMetadata, metadata_of
from workers.models.writer import Written
from workers.runtime.out_of_memory import is_out_of_memory


def main() -> None:
    # Ctrl-C and a supervisor's SIGTERM reach both processes; the worker finishes in-flight images first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=[os.getppid()], daemon=True).start()
    serve(Connection(int(sys.argv[1])))


def serve(connection: Connection) -> None:
    """Serve requests (method, arguments) with responses ("returned", result) or ("raised", exception)."""
    root = logging.getLogger()
    root.addHandler(_ConnectionHandler(connection))
    root.setLevel(logging.INFO)
    models = _Models()
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, ConnectionResetError):
            return
        try:
            response = "returned", getattr(models, method)(*arguments)
        except Exception as error:  # noqa: BLE001 (raised again by the client)
            response = "raised", _picklable(error)
        try:
            connection.send(response)
        except BrokenPipeError:
            return


class _Models:
    """Keeps the last batch: captioner and tagger receive the same array objects."""

    _batch: Sequence[Pixels] = ()

    def load(self, name: str, options: dict[str, object]) -> tuple[ModelMetadata, ModelMetadata]:
        self._captioner, self._tagger = create(name, **options)
        self._captioner.load()
        self._tagger.load()
        return metadata_of(self._captioner), metadata_of(self._tagger)

    def load_writer(self, name: str, options: dict[str, object]) -> tuple[ModelMetadata]:
        self._writer = create_writer(name, options)
        self._writer.load()
        return (metadata_of(self._writer),)

    def write(self, batch: Sequence[Pixels] | None, options: Options) -> Written:
        (pixels,) = self._resolve(batch)
        return self._writer.write(pixels, options)

    def captions(self, batch: Sequence[Pixels] | None) -> list[list[Caption]]:
        return self._captioner.predict(self._resolve(batch))

    def tags(self, batch: Sequence[Pixels] | None, hints: Sequence[Hint]) -> list[list[Tag]]:
        return self._tagger.tag(self._resolve(batch), hints)

    def evidence(self, batch: Sequence[Pixels] | None) -> list[Evidence]:
        return self._tagger.evidence(self._resolve(batch))

    def _resolve(self, batch: Sequence[Pixels] | None) -> Sequence[Pixels]:
        if batch is not None:
            self._batch = batch
        return self._batch


class _ConnectionHandler(logging.handlers.QueueHandler):
    """Forwards log records to the worker."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self._connection = connection

    def enqueue(self, record: logging.LogRecord) -> None:
        self._connection.send(("log", record))


def _picklable(error: Exception) -> Exception:
    """Convert to a class that the worker can unpickle without importing torch; add the traceback."""
    sent = error
    if is_out_of_memory(error):
        sent = MemoryError(str(error))
    elif type(error).__module__.partition(".")[0] not in {"builtins", "workers"} or not _survives_pickling(error):
        sent = RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note("".join(traceback.format_exception(error)))
    return sent


def _survives_pickling(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (written in the same expression)
    except Exception:  # noqa: BLE001 (unpickling calls the error's own constructor)
        return False
    return True


def _exit_with_parent(parent: int) -> None:
    """Exit with the worker: busy models do not notice a closed connection."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
