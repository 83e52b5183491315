from typing import Any

from django.core.management.base import BaseCommand

from forge.stack.commands import run_in_place, worker_command


class Command(BaseCommand):
    help = "Runs one worker in the foreground, in place of this process. `up` runs the whole service."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        run_in_place(worker_command())
