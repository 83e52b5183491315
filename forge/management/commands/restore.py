from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from forge.management.database import DatabaseCommand
from forge.management.progress import progress_bar
from forge.operations import readiness
from forge.operations.backup import BackupError, backup_restore, backup_verify
from forge.stack import running_urls


class Command(DatabaseCommand):
    help = (
        "Restores a file of `backup`, of this version or an earlier one, into an empty database. Stop the service "
        "first. A damaged file changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--replace", action="store_true", help="delete what the database has")
        parser.add_argument("--verify", action="store_true", help="read and check the file only")

    def handle(self, *args: Any, file: Path, replace: bool, verify: bool, **options: Any) -> None:
        if not verify and (running_urls(settings.FORGE_DATA) or readiness.worker_count()):
            raise CommandError("The service is running. Stop its web servers and workers first.")
        try:
            with progress_bar() as progress:
                found = backup_verify(file, progress) if verify else backup_restore(file, replace, progress)
        except BackupError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        except OSError as error:
            raise CommandError(f"{file} was not restored: {error}.") from error
        done = "is whole" if verify else "is restored"
        self.stdout.write(f"{file} {done}: {found.tables.total()} rows and {found.files} uploads.")
