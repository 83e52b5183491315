"""Backup and restore of database rows, uploads and the secret key, in one archive (docs/backup.md)."""

from forge.operations.backup.archive import BackupError
from forge.operations.backup.dump import Backup, backup_write
from forge.operations.backup.restore import backup_restore, backup_verify

__all__ = ["Backup", "BackupError", "backup_restore", "backup_verify", "backup_write"]
