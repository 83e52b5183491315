from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from forge.management import arguments
from forge.stack.commands import LOOPBACK, run_in_place, web_command


class Command(BaseCommand):
    help = "Runs one web server in the foreground, in place of this process. `up` runs the whole service."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", type=arguments.address, default=LOOPBACK, help="address to listen on")
        parser.add_argument("--port", type=arguments.port, default=8000)

    def handle(self, *_args: Any, host: str, port: int, **_options: Any) -> None:
        run_in_place(web_command(port, host))
