"""Run the whole service in the foreground; the supervisor is forge/stack."""

import contextlib
import ipaddress
import logging
import signal
import sys
import time
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection
from rich.console import Console
from rich.table import Table

from forge.management import arguments
from forge.stack import Stack, StackError, StopRequested
from forge.stack.commands import LOOPBACK
from forge.stack.stack import POLL_S
from forge.studio.local_key import studio_key

READY_S = 120.0


class Command(BaseCommand):
    help = "Runs Valkey, the web servers and the workers until Ctrl-C. Prints `ready URL` when all are ready."
    # An error in the code then appears in the log of the process that raises it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=arguments.port, help="of the first web server; default: the last used or 8000, 0: any"
        )
        parser.add_argument("--host", type=arguments.address, default=LOOPBACK, help="address of the web servers")
        parser.add_argument("--webs", type=arguments.count, default=1, help="number of web servers")
        parser.add_argument("--workers", type=arguments.count, default=1, help="number of workers")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self.stopping = False
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each readiness check
        self._check_allowed_hosts(options["host"])
        numbers = options["port"], options["webs"], options["workers"]
        stack = Stack(settings.FORGE_DATA, *numbers, report=self._print, host=options["host"])
        self._handle_signals(stack)
        try:
            with stack:
                self._supervise(stack)
                self._print("Stopping. Ctrl-C again kills.")
        except StopRequested:
            pass
        except (StackError, OSError) as error:
            self._print(str(error))
            sys.exit(error.exit_code if isinstance(error, StackError) else 1)
        except KeyboardInterrupt:
            self._print("Killed.")
            sys.exit(130)

    def _check_allowed_hosts(self, host: str) -> None:
        """Name the setting without which the web servers refuse every caller but this machine."""
        address = ipaddress.ip_address(host)
        others = set(settings.ALLOWED_HOSTS) - {"localhost", "127.0.0.1", "[::1]"}
        if address.is_loopback or (others if address.is_unspecified else others & {host, f"[{host}]", "*"}):
            return
        sentence = "--host {}: ALLOWED_HOSTS must have {}, with commas between: {} is refused (400)."
        if address.is_unspecified:
            self._print(sentence.format(host, "the names and addresses that callers use", "any but localhost"))
        else:
            self._print(sentence.format(host, f"{host} and the names that callers use", "any other Host"))
            sys.exit(2)

    def _handle_signals(self, stack: Stack) -> None:
        def stop(number: int, _frame: FrameType | None) -> None:
            if self.stopping:
                signal.signal(number, signal.SIG_IGN)  # the kill itself must not be interrupted
                raise KeyboardInterrupt
            self.stopping = True
            stack.request_stop()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            signal.signal(number, stop)

    def _supervise(self, stack: Stack) -> None:
        self._show_processes(stack)
        ready, warn_at = False, time.monotonic() + READY_S
        while not self.stopping:
            stack.poll()
            if not ready:
                reason = stack.not_ready_reason()
                ready = reason is None
                if ready:
                    self._print_ready(stack)
                elif time.monotonic() > warn_at:
                    self._print(f"Not ready after {READY_S:g} s. {reason} The logs are in {stack.logs}. Still trying.")
                    warn_at += READY_S
            time.sleep(POLL_S)

    def _show_processes(self, stack: Stack) -> None:
        urls = {f"web-{number}": url for number, url in enumerate(stack.urls, start=1)}
        table = Table("name", "pid", "address or log", box=None)
        for name, process in stack.processes.items():
            table.add_row(name, str(process.pid), urls.get(name, str(process.log)))
        with contextlib.suppress(OSError):
            self.console.print(table)

    def _print_ready(self, stack: Stack) -> None:
        with contextlib.suppress(OSError):
            print(f"ready {stack.urls[0]}", flush=True)
        if settings.FORGE_ENV == "local":
            self._print_studio(stack)

    def _print_studio(self, stack: Stack) -> None:
        """Print the studio's address with its key, in the fragment, which browsers send to no server."""
        try:
            self._print(f"open {stack.urls[0]}/#key={studio_key(settings.FORGE_DATA)}")
        except (DatabaseError, OSError) as error:
            self._print(f"The studio's key cannot be made: {error}")
        finally:
            connection.close()

    def _print(self, sentence: str) -> None:
        # The terminal may be gone already (SIGHUP); the stack must stop all the same.
        with contextlib.suppress(OSError):
            self.console.print(sentence)
