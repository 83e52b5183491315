"""Caption image files on this machine, without queue, database or server."""

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
from django.core.management.base import BaseCommand, CommandError, CommandParser

import xmp
from decoding import Limits
from workers import models
from workers.cli.describe_file import describe, error_message
from workers.cli.file_words import FileOptions, FileWriter, show_error, shown_words
from workers.cli.filenames import UniqueFilenames
from workers.cli.image_paths import find_images
from workers.cli.ordered_threads import map_ordered
from workers.cli.output import CaptionRecord, caption_record, format_block, format_json
from workers.cli.progress_bar import ProgressBar
from workers.models import vision_server
from workers.models.base import ModelUnavailable
from workers.models.ocr import create_reader
from workers.models.options import Options
from workers.models.writer import Writer
from workers.pipeline import Analysis
from workers.runtime.engine import Engine

logger = logging.getLogger(__name__)

MAX_WIDTH = 120  # longer lines are hard to read
CLOSE_TIMEOUT_S = 1.0


class Command(BaseCommand):
    help = "Caption image files, and the images in folders and all below them. Needs no service and no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a folder with all that is below it")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object a line")
        parser.add_argument("--model", choices=models.NAMES, default="embedded", help="default: %(default)s")
        parser.add_argument(
            "--threads", type=int, default=settings.FORGE_MODEL_THREADS, help="of the models; default: %(default)s"
        )
        parser.add_argument("--show", action="store_true", help="print the words in the files, and run no model")
        parser.add_argument("--write", action="store_true", help="into the files: XMP, and IPTC IIM where it exists")
        parser.add_argument("--sidecar", action="store_true", help="into NAME.xmp beside each file")
        choices = list(xmp.OnExisting)
        text = "what a person wrote; default: keep texts, append keywords"
        parser.add_argument("--on-existing", choices=choices, dest="on_existing", help=text)
        parser.add_argument("--with-iim", action="store_true", help="write IPTC IIM into JPEG also where there is none")
        parser.add_argument("--force", action="store_true", help="write also where a C2PA manifest breaks")
        parser.add_argument("--dry-run", action="store_true", help="with --write or --sidecar: print what would change")
        parser.add_argument("--only-empty", action="store_true", help="files without alt and description in them")
        parser.add_argument("--skip-done", metavar="STATE", help="file of what is done, by content: moved files count")
        parser.add_argument("--csv", metavar="FILE", help="append a row for each image")
        parser.add_argument("--review", metavar="FILE", help="append a row for each image that needs review")

    def run_from_argv(self, argv: list[str]) -> None:
        """Set up what belongs to a process, not to a call from a program."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            # File names may not be UTF-8; JSON escapes them as \udcff, too.
            sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
        # About images that Pillow can still read.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        # The error is reported below, with its path.
        logging.getLogger("workers.runtime.batcher").setLevel(logging.ERROR)
        try:
            super().run_from_argv(argv)
        # A normal exit would wait for the threads and their batch.
        except KeyboardInterrupt:
            os._exit(128 + signal.SIGINT)
        except BrokenPipeError:
            os._exit(128 + signal.SIGPIPE)

    def handle(self, *_args: Any, paths: list[str], as_json: bool, model: str, threads: int, **options: Any) -> None:
        self.failed = 0
        if options["write"] and options["sidecar"]:
            raise CommandError("--write and --sidecar exclude each other.")
        if options["show"]:
            return self._show(paths)
        self.options = FileOptions(**{name: options[name] for name in FileOptions.__dataclass_fields__})
        # Walked twice instead of kept: a folder may hold very many files.
        total = sum(1 for _ in find_images(paths, _ignore_error))
        with ProgressBar(
            total=total, shown=total > 0 and self.stderr.isatty() and not _is_pipe(sys.stdout)
        ) as self.bar:
            self.engine = self._create_engine(model, threads, load=total > 0)
            self.bar.start_captioning()
            try:
                with self._file_writer() as writer:
                    self._caption_all(paths, self._formatter(as_json), writer)
                if self.options.is_used:
                    with self.bar.hidden():
                        self.stderr.write(writer.summary(self.failed))
            finally:
                self.engine.close(CLOSE_TIMEOUT_S)
        if self.failed:
            sys.exit(1)
        return None

    def _show(self, paths: list[str]) -> None:
        with ProgressBar(total=0, shown=False) as self.bar:
            for path in find_images(paths, self._report):
                try:
                    self._write(shown_words(path))
                except (OSError, xmp.XmpError) as error:
                    self._report(path, show_error(error))
        if self.failed:
            sys.exit(1)

    def _create_engine(self, model: str, threads: int, *, load: bool) -> Engine:
        options: dict[str, object] = {"threads": threads}
        if model in {"auto", "blip-clip"}:
            options |= settings.FORGE_MODEL_OPTIONS
        elif model == "scripted":
            options = settings.FORGE_SCRIPT
        try:
            engine = Engine(*models.create(model, **options), batch_size=settings.FORGE_BATCH_SIZE)
            self.writer = self._create_writer() if model == "vision-server" else None
            if load:
                engine.load()
                if self.writer is not None:
                    self.writer.load()
        except (ModelUnavailable, ValueError) as error:
            self._exit_with(str(error), 2)
        return engine

    def _create_writer(self) -> Writer:
        if not (settings.FORGE_VISION_URL and settings.FORGE_VISION_MODEL):
            raise ValueError("--model vision-server needs FORGE_VISION_URL and FORGE_VISION_MODEL.")
        return vision_server.create(settings.FORGE_VISION_OPTIONS)

    def _formatter(self, as_json: bool) -> Callable[[CaptionRecord], str]:
        if as_json:
            return format_json
        width = min(shutil.get_terminal_size().columns, MAX_WIDTH) if self.stdout.isatty() else None
        return partial(format_block, width=width)

    def _file_writer(self) -> FileWriter:
        return FileWriter(self.options, self._report, self._write)

    def _caption_all(self, paths: list[str], formatter: Callable[[CaptionRecord], str], writer: FileWriter) -> None:
        describe_path = partial(
            describe,
            self.engine,
            max_bytes=settings.FORGE_MAX_IMAGE_BYTES,
            limits=Limits.of(settings),
            timeout_s=settings.FORGE_ANALYSIS_TIMEOUT_S,
            options=Options(gender_neutral=settings.FORGE_NEUTRAL_PEOPLE),
            reader=create_reader(settings.FORGE_OCR),
            writer=self.writer,
            fall_back=settings.FORGE_VISION_FALLBACK == "embedded",
        )
        filenames = UniqueFilenames()
        # One batch runs while the next one is decoded.
        selected = writer.select(find_images(paths, self._report))
        work = lambda one: describe_path(one.path)  # noqa: E731
        outcomes = map_ordered(work, selected, threads=2 * settings.FORGE_BATCH_SIZE)
        with closing(outcomes):
            for one, outcome in outcomes:
                path = one.path
                error = outcome.exception()
                self.bar.advance()
                if error:
                    self._report(path, error_message(error) or self._log_unexpected(path, error))
                else:
                    analysis = outcome.result()
                    filename = filenames.reserve(analysis.composed.filename_candidates)
                    record = caption_record(path, analysis, filename=filename, model=self._model_name(analysis))
                    writer.save(one, record)
                    if not self.options.dry_run:
                        self._write(formatter(record))

    def _model_name(self, analysis: Analysis) -> str:
        writes = self.writer is not None and "fallback" not in analysis.provenance
        if self.writer is not None and writes:
            return f"{self.writer.name}@{self.writer.revision}"
        captioner = self.engine.provenance["captioner"]
        return f"{captioner['name']}@{captioner['revision']}"

    def _write(self, text: str) -> None:
        with self.bar.hidden():
            self.stdout.write(text)
            self.stdout.flush()

    def _report(self, path: str, message: str) -> None:
        self.failed += 1
        with self.bar.hidden():
            self.stderr.write(f"{path}: {message}")

    def _log_unexpected(self, path: str, error: BaseException) -> str:
        with self.bar.hidden():
            logger.error("The analysis of %s failed.", path, exc_info=error)
        return "The models failed on this image; the traceback is above."

    def _exit_with(self, message: str, code: int) -> NoReturn:
        with self.bar.hidden():
            self.stderr.write(message)
        sys.exit(code)


def _is_pipe(stream: TextIO) -> bool:
    """Detect a pipe: its reader (head, jq, less) mostly writes to the terminal that shows the bar."""
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _ignore_error(_path: str, _message: str) -> None:
    """Ignore errors of the first walk, which only counts."""
