"""The objects of an image in the storage: its file and its thumbnails."""

from collections.abc import Sequence

from forge.storage import objects_delete

THUMBNAIL_SIZES = (256, 1024)  # pixels of the longer side


def thumbnail_key(storage_key: str, size: int) -> str:
    return f"{storage_key}.{size}.jpg"


def images_delete(storage_keys: Sequence[str]) -> bool:
    """Delete stored files and their thumbnails; return False if any is left. Errors are logged."""
    return objects_delete(
        [name for key in storage_keys for name in (key, *(thumbnail_key(key, size) for size in THUMBNAIL_SIZES))]
    )
