from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from forge.management.database import DatabaseCommand
from forge.management.progress import progress_bar
from forge.operations.backup import BackupError, backup_write


class Command(DatabaseCommand):
    help = (
        "Writes database, uploads and the secret key to one new file, while the service runs. Whoever has the file can "
        "read all uploads and sign in as any user of the admin; its mode is 0600."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="a new file, such as forge.tar")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with progress_bar() as progress:
                backup = backup_write(file, progress)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file} was not written: {error}.") from error
        size = f"{backup.size / 1e6:.1f} MB"
        self.stdout.write(f"{file}: {backup.tables.total()} rows and {backup.files} uploads ({size}).")
        if backup.missing:
            self.stderr.write(
                f"{len(backup.missing)} uploads were deleted meanwhile, or are lost, and are not in it: "
                f"{', '.join(backup.missing[:3])}{' …' if len(backup.missing) > 3 else ''}"
            )
