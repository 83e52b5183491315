"""Where uploads are stored: a folder, or a bucket of any S3-compatible store (FORGE_STORAGE_URL)."""

from forge.storage.errors import StorageUnavailable
from forge.storage.objects import (
    UPLOADS,
    local_cache_sweep,
    object_read,
    object_save,
    objects_delete,
    storage_address,
    storage_is_remote,
    stored_files,
    stored_folders,
)
from forge.storage.probe import PROBES, storage_probe

__all__ = [
    "PROBES",
    "UPLOADS",
    "StorageUnavailable",
    "local_cache_sweep",
    "object_read",
    "object_save",
    "objects_delete",
    "storage_address",
    "storage_is_remote",
    "storage_probe",
    "stored_files",
    "stored_folders",
]
