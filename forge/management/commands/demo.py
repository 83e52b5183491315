"""Send images through the service and show the metadata as it arrives; client: forge/management/demo_client.py."""

import io
import logging
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from forge.management.demo_client import BASE_PATH, Client, Event, RequestRefused, event_line, result_panel, terminal
from forge.stack import StackError, StartFailed, SupervisedProcess, not_ready_reason, running_urls
from forge.stack.stack import POLL_S

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}
READY_S = 180.0
UP_GRACE_S = 60.0  # longer than the sum of the stack's own graces


class Command(BaseCommand):
    help = "Sends images (default: samples/) through the service, which is started for the demo if it does not run."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="files or folders")

    def handle(self, *_args: Any, images: list[Path], **_options: Any) -> None:
        self.console = terminal()
        logging.getLogger("httpx").setLevel(logging.WARNING)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _exit_on_signal)
        try:
            files = _files(images or [settings.BASE_DIR / "samples"])
            with self._service(settings.FORGE_DATA) as (url, started):
                succeeded = self._send(url, files)
                self._print_next_step(url, started=started)
        except UnreadablePath as error:
            self._fail(str(error), 2)
        except (RequestRefused, StackError) as error:
            self._fail(str(error), 1)
        except httpx.TransportError as error:
            self._fail(f"The connection to the service was lost: {error}", 1)
        except KeyboardInterrupt:
            self._fail("Stopped.", 130)
        if not succeeded:
            sys.exit(1)

    @contextmanager
    def _service(self, data: Path) -> Iterator[tuple[str, bool]]:
        """Yield the URL of a ready service on this folder, and whether it was started for this demo."""
        if urls := running_urls(data):
            self.console.print(f"Using the service at {urls[0]}.")
            self._wait_ready(data, None)
            yield urls[0], False
            return
        # A supervisor as in `bin/up`: it restarts what dies while this process reads the stream.
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "up", "--port", "0"]
        up = SupervisedProcess("up", command, cwd=Path.cwd(), log=data / "logs" / "up.log", grace=UP_GRACE_S)
        try:
            up.start()
            yield self._wait_ready(data, up), True
        finally:
            self._stop(up)

    def _wait_ready(self, data: Path, up: SupervisedProcess | None) -> str:
        deadline = time.monotonic() + READY_S
        with self._status("Starting a broker, a web server and a worker ..." if up else "Waiting for it ..."):
            while (
                reason := not_ready_reason(urls) if (urls := running_urls(data)) else "It has no address yet."
            ) is not None:
                if up and not up.alive:
                    raise StartFailed("The service", f"it {up.describe()}", up.log, up.tail())
                if time.monotonic() > deadline:
                    raise StackError(f"Not ready after {READY_S:g} s. {reason} The logs are in {data / 'logs'}.")
                time.sleep(POLL_S)
        return urls[0]

    @contextmanager
    def _status(self, sentence: str) -> Iterator[None]:
        if self.console.is_terminal:
            with self.console.status(sentence):
                yield
        else:
            self.console.print(sentence)
            yield

    def _stop(self, up: SupervisedProcess) -> None:
        try:
            with self._status("Stopping it ..."):
                up.stop()
        except BaseException:
            up.terminate()  # a second SIGTERM makes it kill its children
            up.wait(5)
            up.kill()
            raise

    def _send(self, url: str, files: list[Path]) -> bool:
        with Client(url, _key(credits=len(files))) as client:
            self.console.print(f"Uploading {len(files)} images to {url}{BASE_PATH} ...")
            session = client.upload(files)
            before, start = client.balance(), time.monotonic()
            events = list(self._show_events(client.analyze(session), session["images"]))
            seconds = time.monotonic() - start
            after = client.balance()
        outcomes = {event.data["imageId"]: event for event in events if event.name in ("result", "error")}
        for image in session["images"]:
            self.console.print(result_panel(image["originalFilename"], outcomes.get(image["id"])))
        end = events[-1].data
        self.console.print(
            f"{end['succeeded']} of {end['total']} images in {seconds:.1f} s;"
            f" {before - after} credits charged, {after} left."
        )
        return bool(end["status"] == "complete")

    def _show_events(self, events: Iterator[Event], images: list[dict[str, Any]]) -> Iterator[Event]:
        names = {image["id"]: image["originalFilename"] for image in images}
        columns = (TextColumn("analysing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        terminal = self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=not terminal) as bar:
            task = bar.add_task("", total=len(images))
            for event in events:
                line = event_line(event, names.get(event.data.get("imageId"), "all"))
                self.console.print(line, no_wrap=True, overflow="ellipsis")
                bar.advance(task, event.name in ("result", "error"))
                yield event

    def _print_next_step(self, url: str, *, started: bool) -> None:
        if started:
            self.console.print(f"\nNext: bin/up keeps the service running; its API page is then at {BASE_PATH}/docs/")
        else:
            self.console.print(f"\nNext: the API page, {url}{BASE_PATH}/docs/")

    def _fail(self, sentence: str, code: int) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(code)


class UnreadablePath(Exception):
    """A path on the command line without a readable image."""


def _exit_on_signal(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.glob("*") if file.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        if not inside:
            raise UnreadablePath(f"There are no images in {path}.")
        for file in inside:
            try:
                file.open("rb").close()
            except OSError as error:
                raise UnreadablePath(f"{file} cannot be read: {error.strerror}.") from error
        found += inside
    return found


def _key(credits: int) -> str:
    """Make a key for the account `demo` and grant it as many credits as this run costs."""
    printed = io.StringIO()
    call_command("make_key", account="demo", credits=credits, stdout=printed)
    return printed.getvalue().strip()
