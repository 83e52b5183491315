"""Stored files of sessions."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from django.core.files.storage import default_storage

logger = logging.getLogger(__name__)

FOLDER = "sessions"  # has one folder for each session


def files_remove(storage_keys: Sequence[str]) -> bool:
    """Delete stored files and folders left empty. Return False if any file is left; errors are logged."""
    failed = False
    for key in storage_keys:
        try:
            default_storage.delete(key)
        except Exception:  # a storage backend may raise anything
            logger.exception("A stored file could not be removed: %s", key)
            failed = True
    for folder in {key.rpartition("/")[0] for key in storage_keys} - {""}:
        # No folders in this storage, or removed by another process.
        with suppress(OSError, NotImplementedError):
            if not any(default_storage.listdir(folder)):
                default_storage.delete(folder)
    return not failed
