from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from forge.disk_full import unusable_sentence
from forge.errors import ForgeError


class DatabaseCommand(BaseCommand):
    """A command on the database; an error is one sentence and exit code 1."""

    requires_system_checks = ()  # they import all of the web code: half of the time

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ForgeError as error:
            raise CommandError(error.sentence) from error
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(unusable_sentence(error)) from error
