"""Caption image files on this machine, without queue, database or server."""

import io
import logging
import os
import shutil
import signal
import stat
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, NoReturn, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

import xmp
from workers import models
from workers.analysis import Analysis
from workers.cli import word_options
from workers.cli.describe_file import error_message
from workers.cli.engines import Models
from workers.cli.files import options as file_options
from workers.cli.files.done_files import options_key
from workers.cli.files.failures import Failures
from workers.cli.files.file_run import FileRun, Selected
from workers.cli.files.interruption import Interruption
from workers.cli.files.new_files import NewFiles
from workers.cli.files.new_names import fields_in
from workers.cli.files.options import FileOptions
from workers.cli.files.renames import undo
from workers.cli.files.words import shown_words
from workers.cli.image_paths import find_images, os_error_message
from workers.cli.ordered_threads import map_ordered
from workers.cli.output import CaptionRecord, caption_record, format_block, format_json
from workers.cli.progress_bar import ProgressBar
from workers.models.base import ModelUnavailable

logger = logging.getLogger(__name__)

MAX_WIDTH = 120  # longer lines are hard to read
CLOSE_TIMEOUT_S = 1.0


class Command(BaseCommand):
    help = "Caption image files, and the images in folders and all below them. Needs no service and no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH", help="a file, or a folder with all that is below it")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON object a line")
        parser.add_argument("--model", choices=models.NAMES, default="embedded", help="default: %(default)s")
        parser.add_argument(
            "--threads", type=int, default=settings.FORGE_MODEL_THREADS, help="of the models; default: %(default)s"
        )
        word_options.add_arguments(parser)
        file_options.add_arguments(parser)

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
        except KeyboardInterrupt as interruption:
            os._exit(128 + (interruption.args[0] if interruption.args else signal.SIGINT))
        except BrokenPipeError:
            os._exit(128 + signal.SIGPIPE)

    def handle(self, *_args: Any, paths: list[str], **options: Any) -> None:
        self.failures = Failures()
        self._check(paths, options)
        self.bar = ProgressBar(total=0, shown=False)
        if options["undo"]:
            self._undo(options["undo"])
        elif options["show"]:
            self._show(paths)
        else:
            self.requested = self._requested(options)
            self.options = FileOptions(**{name: options[name] for name in FileOptions.__dataclass_fields__})
            self._run(paths, **{name: options[name] for name in ("as_json", "model", "threads", "jobs")})
        if self.failures.count:
            sys.exit(1)

    def _check(self, paths: list[str], options: dict[str, Any]) -> None:
        if options["write"] and options["sidecar"]:
            raise CommandError("--write and --sidecar exclude each other.", returncode=2)
        if not (paths or options["watch"] or options["undo"]):
            raise CommandError("Name a PATH, or a folder to --watch.", returncode=2)
        if options["watch"] and (options["dry_run"] or not os.path.isdir(options["watch"])):  # noqa: PTH112
            raise CommandError("--watch needs a folder that exists, and no --dry-run.", returncode=2)

    def _requested(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            requested = word_options.requested_options(options, options["model"])
            if options["rename"]:
                word_options.fields_require(requested, fields_in(options["rename"]), f"--rename {options['rename']}")
        except word_options.OptionRefused as error:
            raise CommandError(str(error), returncode=2) from error
        return requested

    def _run(self, paths: list[str], *, as_json: bool, model: str, threads: int, jobs: int | None) -> None:
        # Walked twice instead of kept: a folder may hold very many files.
        total = sum(1 for _ in find_images(paths, _ignore_error, with_raw=self.options.sidecar))
        watch = self.options.watch
        is_shown = total > 0 and watch is None and self.stderr.isatty() and not _is_pipe(sys.stdout)
        with ProgressBar(total=total, shown=is_shown) as self.bar, Interruption() as self.interruption:
            self._load_models(model, threads, load=total > 0 or watch is not None)
            self.bar.start_captioning()
            self.describe = self.models.describe_function(self.requested)
            self.formatter = self._formatter(as_json)
            self.jobs = jobs or 2 * settings.FORGE_BATCH_SIZE
            run = FileRun(
                self.options,
                self._report,
                self._write,
                max_bytes=settings.FORGE_MAX_IMAGE_BYTES,
                options_key=options_key(self.requested),
            )
            try:
                with ExitStack() as opened:
                    self._open(run, opened)
                    self._caption_and_watch(paths, run)
            finally:
                self.models.close(CLOSE_TIMEOUT_S)

    def _open(self, run: FileRun, opened: ExitStack) -> None:
        try:
            opened.enter_context(run)
        except (OSError, ValueError) as error:
            self._exit_with(f"A file of the options cannot be used: {error}", 2)

    def _caption_and_watch(self, paths: list[str], run: FileRun) -> None:
        """Caption, and print the summary, also after an interruption; that is how a watch ends."""
        try:
            watch = self._new_files(run)
            self._caption_all(find_images(paths, self._report, with_raw=self.options.sidecar), run)
            for batch in watch.batches() if watch else ():
                self._caption_all(batch, run)
        except KeyboardInterrupt:
            if not self.options.watch:
                raise
        finally:
            if self.options.is_used:
                with self.bar.hidden():
                    self.stderr.write("\n".join(run.summary(self.failures)))

    def _new_files(self, run: FileRun) -> NewFiles | None:
        if self.options.watch is None:
            return None
        watch = NewFiles(
            self.options.watch, with_present=self.options.skip_done is not None, with_raw=self.options.sidecar
        )
        run.on_done = watch.processed
        return watch

    def _show(self, paths: list[str]) -> None:
        for path in find_images(paths, self._report):
            try:
                self._write(shown_words(path))
            except OSError as error:
                self._report(path, os_error_message(error))
            except xmp.XmpError as error:
                self._report(path, str(error))

    def _undo(self, path: str) -> None:
        try:
            count = undo(path, self._report)
        except (OSError, ValueError) as error:
            self._exit_with(f"{path}: {os_error_message(error) if isinstance(error, OSError) else error}", 2)
        self.stderr.write(f"{count} have their old names, {self.failures.count} failed")

    def _load_models(self, model: str, threads: int, *, load: bool) -> None:
        try:
            self.models = Models(model, threads)
            if load:
                self.models.load()
                word_options.support_require(self.requested, self.models.family)
        except (ModelUnavailable, word_options.OptionRefused, ValueError) as error:
            self._exit_with(str(error), 2)

    def _formatter(self, as_json: bool) -> Callable[[CaptionRecord], str]:
        if as_json:
            return format_json
        width = min(shutil.get_terminal_size().columns, MAX_WIDTH) if self.stdout.isatty() else None
        return partial(format_block, width=width)

    def _caption_all(self, paths: Iterable[str], run: FileRun) -> None:
        # One batch runs while the next one is decoded.
        outcomes = map_ordered(lambda one: self.describe(one.path), run.select(paths), threads=self.jobs)
        with closing(outcomes):
            for one, outcome in outcomes:
                error = outcome.exception()
                self.bar.advance()
                if error:
                    self._report(one.path, error_message(error) or self._log_unexpected(one.path, error))
                else:
                    with self.interruption.held():
                        self._save(run, one, outcome.result())

    def _save(self, run: FileRun, one: Selected, analysis: Analysis) -> None:
        candidates = analysis.composed.filename_candidates
        record = caption_record(one.path, analysis, filename=candidates[0], model=self.models.author(analysis))
        for tag, error in record.get("translationErrors", {}).items():
            self._report(one.path, f"{tag}: {error['error']}")
        saved = run.save(one, record, candidates)
        if not self.options.dry_run:
            self._write(self.formatter(saved or record))

    def _write(self, text: str) -> None:
        with self.bar.hidden():
            self.stdout.write(text)
            self.stdout.flush()

    def _report(self, path: str, message: str) -> None:
        self.failures.add(message)
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
