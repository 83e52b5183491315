"""Stored files of sessions."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from django.core.files.storage import default_storage

logger = logging.getLogger(__name__)

FOLDER = "sessions"  # in the storage; below it a folder for each session


def files_remove(storage_keys: Sequence[str]) -> bool:
    """Deletes stored files and the folders that this leaves empty. False, with the reason logged, if some are left."""
    failed = False
    for key in storage_keys:
        try:
            default_storage.delete(key)
        except Exception:  # whatever a storage raises
            logger.exception("A stored file could not be removed: %s", key)
            failed = True
    for folder in {key.rpartition("/")[0] for key in storage_keys} - {""}:
        # Storages without folders say so; a folder that is gone was removed by somebody beside us.
        with suppress(OSError, NotImplementedError):
            if not any(default_storage.listdir(folder)):
                default_storage.delete(folder)
    return not failed
