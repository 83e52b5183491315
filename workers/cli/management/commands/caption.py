"""Words for pictures on this machine, without the queue, the database or a server."""

import io
import logging
import os
import shutil
import signal
import stat
import sys
import warnings
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, NoReturn, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from decoding import Limits
from workers import models
from workers.cli.describe_file import describe, sentence
from workers.cli.filenames import Filenames
from workers.cli.image_paths import pictures
from workers.cli.ordered_threads import in_order
from workers.cli.output import Answer, answer, as_block, as_json
from workers.cli.progress_bar import Bar
from workers.models.base import ModelUnavailable
from workers.runtime.engine import Engine

logger = logging.getLogger(__name__)

WIDEST = 120  # longer lines are hard to read
CLOSING_S = 1.0


class Command(BaseCommand):
    help = "Words for files, and for the pictures in folders and all below them. Needs no service and no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder with all that is below it")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object a line")
        parser.add_argument("--model", choices=models.NAMES, default="embedded", help="default: %(default)s")
        parser.add_argument(
            "--threads", type=int, default=settings.FORGE_MODEL_THREADS, help="of the models; default: %(default)s"
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """What belongs to a process of its own, and not to a call from a program."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A file name may hold bytes that are no text; \udcff is what JSON calls them too.
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        # What Pillow notes of a picture that it can read all the same.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        # It does not know the path; the failure is told here, with it.
        logging.getLogger("workers.runtime.batcher").setLevel(logging.ERROR)
        try:
            super().run_from_argv(argv)
        # An ordinary exit would wait for the threads, which may be deep in a batch that nobody wants any more.
        except KeyboardInterrupt:
            os._exit(128 + signal.SIGINT)
        except BrokenPipeError:
            os._exit(128 + signal.SIGPIPE)

    def handle(self, *_args: Any, paths: list[str], as_json: bool, model: str, threads: int, **_options: Any) -> None:
        self.failed = False
        # Walked twice rather than kept: a folder may hold very many.
        total = sum(1 for _ in pictures(paths, _unheard))
        with Bar(total=total, shown=total > 0 and self.stderr.isatty() and not _is_pipe(sys.stdout)) as self.bar:
            self.engine = self._engine(model, threads, load=total > 0)
            self.bar.begin()
            try:
                self._tell_all(paths, self._shape(as_json))
            finally:
                self.engine.close(CLOSING_S)
        if self.failed:
            sys.exit(1)

    def _engine(self, model: str, threads: int, *, load: bool) -> Engine:
        options: dict[str, object] = {"threads": threads}
        if model in {"auto", "blip-clip"}:
            options |= settings.FORGE_MODEL_OPTIONS
        elif model == "scripted":
            options = settings.FORGE_SCRIPT
        try:
            engine = Engine(*models.create(model, **options), batch_size=settings.FORGE_BATCH_SIZE)
            if load:
                engine.load()
        except (ModelUnavailable, ValueError) as error:
            self._fail(str(error), 2)
        return engine

    def _shape(self, as_json_lines: bool) -> Callable[[Answer], str]:
        if as_json_lines:
            return as_json
        width = min(shutil.get_terminal_size().columns, WIDEST) if self.stdout.isatty() else None
        return partial(as_block, width=width)

    def _tell_all(self, paths: list[str], shape: Callable[[Answer], str]) -> None:
        work = partial(
            describe,
            self.engine,
            max_bytes=settings.FORGE_MAX_IMAGE_BYTES,
            limits=Limits.of(settings),
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            neutral_people=settings.FORGE_NEUTRAL_PEOPLE,
        )
        filenames = Filenames()
        # Twice the batch: one batch runs while the next one decodes.
        outcomes = in_order(work, pictures(paths, self._complain), threads=2 * settings.FORGE_BATCH_SIZE)
        with closing(outcomes):
            for path, outcome in outcomes:
                error = outcome.exception()
                self.bar.advance()
                if error:
                    self._complain(path, sentence(error) or self._unforeseen(path, error))
                else:
                    analysis = outcome.result()
                    filename = filenames.take(analysis.words.filename_candidates)
                    self._tell(shape(answer(path, analysis, filename=filename, model=_name(self.engine))))

    def _tell(self, text: str) -> None:
        with self.bar.aside():
            self.stdout.write(text)
            self.stdout.flush()

    def _complain(self, path: str, complaint: str) -> None:
        self.failed = True
        with self.bar.aside():
            self.stderr.write(f"{path}: {complaint}")

    def _unforeseen(self, path: str, error: BaseException) -> str:
        with self.bar.aside():
            logger.error("The analysis of %s failed.", path, exc_info=error)
        return "The models failed on this picture; the reason stands above."

    def _fail(self, complaint: str, code: int) -> NoReturn:
        with self.bar.aside():
            self.stderr.write(complaint)
        sys.exit(code)


def _name(engine: Engine) -> str:
    captioner = engine.provenance["captioner"]
    return f"{captioner['name']}@{captioner['revision']}"


def _is_pipe(stream: TextIO) -> bool:
    """What reads the pipe (head, jq, less) mostly writes to the same terminal: the bar would run through its lines."""
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _unheard(_path: str, _complaint: str) -> None:
    """The first walk only counts."""
