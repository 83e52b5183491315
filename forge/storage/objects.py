"""Save, read, delete and list stored objects, whatever the backend."""

import logging
from collections.abc import Iterator, Sequence
from typing import cast

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from forge.disk_full import is_disk_full
from forge.errors import ForgeError, StorageFull
from forge.single_flight import single_flight
from forge.storage.base import ObjectStorage, StoredFile
from forge.storage.cache import LocalCache
from forge.storage.errors import StorageUnavailable

logger = logging.getLogger(__name__)

UPLOADS = "sessions"  # has one folder for each session


def backend() -> ObjectStorage:
    return cast(ObjectStorage, default_storage)


def storage_address() -> str:
    return backend().address


def storage_is_remote() -> bool:
    return backend().is_remote


def object_save(name: str, content: "File[bytes]") -> None:
    """Store an upload under a new name. Raises StorageFull or StorageUnavailable; then nothing is stored."""
    try:
        backend().write(name, content)
    except StorageUnavailable as error:
        logger.warning("An upload could not be stored: %s", error.reason)
        raise
    except OSError as error:
        raise _storage_error(error) from error


def object_read(name: str) -> bytes:
    """Return an object's bytes, from the local cache where the storage is remote.

    Raises FileNotFoundError and StorageUnavailable.
    """
    storage = backend()
    if not storage.is_remote or not settings.FORGE_STORAGE_CACHE_BYTES:
        return storage.read(name)
    return local_cache().read(name, lambda: storage.read(name))


def objects_delete(names: Sequence[str]) -> bool:
    """Delete objects; return False if any is left. Errors are logged."""
    if not names:
        return True
    try:
        return not backend().delete_many(names)
    except (ForgeError, OSError) as error:
        logger.warning("%d stored files could not be removed: %s", len(names), error)
        return False


def stored_folders(folder: str) -> Iterator[list[str]]:
    """Yield pages of the names of the folders in a folder. Raises StorageUnavailable."""
    return backend().folders(folder)


def stored_files(folder: str) -> Iterator[list[StoredFile]]:
    """Yield pages of the files in a folder. Raises StorageUnavailable."""
    return backend().files(folder)


def local_cache_sweep() -> None:
    """Remove copies that nobody read for an hour."""
    if backend().is_remote and settings.FORGE_STORAGE_CACHE_BYTES:
        local_cache().sweep()


@single_flight
def local_cache() -> LocalCache:
    return LocalCache(settings.FORGE_DATA / "storage-cache", most=settings.FORGE_STORAGE_CACHE_BYTES)


def _storage_error(error: OSError) -> ForgeError:
    return StorageFull() if is_disk_full(error) else StorageUnavailable(f"{backend().address}: {error.strerror}")
