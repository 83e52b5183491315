"""The storage's identity, and a test that it can be written and read."""

import secrets

from django.core.files.base import ContentFile

from forge.errors import ForgeError, StorageFull
from forge.storage.errors import StorageUnavailable
from forge.storage.objects import backend

# Beside `sessions/`. The identity is random and made once, so that two processes with the same one share the objects.
PROBES = "service"
_ID = f"{PROBES}/storage-id"


def storage_probe() -> str:
    """Write, read and delete an object, and return the storage's id. Raises StorageUnavailable with the reason."""
    storage = backend()
    name, content = f"{PROBES}/probe-{secrets.token_hex(8)}", secrets.token_hex(16).encode()
    try:
        storage.write(name, ContentFile(content))
        found = storage.read(name)
        storage.delete_many([name])
        identity = _read_or_make_id()
    except StorageUnavailable:
        raise
    except StorageFull as error:
        raise StorageUnavailable(f"{storage.address} is full") from error
    except (OSError, ForgeError) as error:
        raise StorageUnavailable(f"{storage.address}: {getattr(error, 'strerror', None) or error}") from error
    if found != content:
        raise StorageUnavailable(f"{storage.address} returned other bytes than were written")
    return identity


def _read_or_make_id() -> str:
    """Return the id, made by the first process. Of two that make one at once, both read the later one from then on."""
    storage = backend()
    try:
        return storage.read(_ID).decode()
    except FileNotFoundError:
        storage.write(_ID, ContentFile(secrets.token_hex(8).encode()))
        return storage.read(_ID).decode()
