"""Stored files of sessions."""

import logging
from collections.abc import Sequence
from contextlib import suppress

from django.core.files.storage import default_storage

logger = logging.getLogger(__name__)

FOLDER = "sessions"  # has one folder for each session
THUMBNAIL_SIZES = (256, 1024)  # pixels of the longer side


def thumbnail_key(storage_key: str, size: int) -> str:
    return f"{storage_key}.{size}.jpg"


def files_remove(storage_keys: Sequence[str]) -> bool:
    """Delete stored files, their thumbnails, and folders left empty. False if any file is left; errors are logged."""
    failed = False
    for key in storage_keys:
        try:
            for name in (key, *(thumbnail_key(key, size) for size in THUMBNAIL_SIZES)):
                default_storage.delete(name)
        except Exception:  # a storage backend may raise anything
            logger.exception("A stored file could not be removed: %s", key)
            failed = True
    for folder in {key.rpartition("/")[0] for key in storage_keys} - {""}:
        # No folders in this storage, or removed by another process.
        with suppress(OSError, NotImplementedError):
            if not any(default_storage.listdir(folder)):
                default_storage.delete(folder)
    return not failed
