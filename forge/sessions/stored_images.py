"""The objects of an image in the storage: its file, its thumbnails and what was exported of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from forge.models import ImageAnalysis
from forge.storage import objects_delete

THUMBNAIL_SIZES = (256, 1024)  # pixels of the longer side


def thumbnail_key(storage_key: str, size: int) -> str:
    return f"{storage_key}.{size}.jpg"


def variant_key(storage_key: str, job_id: str, variant: Mapping[str, Any]) -> str:
    """Return the key of an exported file, beside its image; a repeated export of the job replaces it."""
    suffix = variant["filename"].rpartition(".")[2]
    return f"{storage_key.rpartition('.')[0]}.{job_id}.{variant['name']}.{suffix}"


def variant_keys(exported: QuerySet[ImageAnalysis]) -> Iterator[tuple[str, str]]:
    """Yield the session and the key of each file that these analyses exported."""
    rows = exported.filter(variants__isnull=False).order_by()
    found = rows.values_list("job__session_id", "image__storage_key", "job_id", "variants")
    for session_id, storage_key, job_id, variants in found.iterator():
        yield from ((session_id, variant_key(storage_key, job_id, variant)) for variant in variants or ())


def images_delete(storage_keys: Sequence[str]) -> bool:
    """Delete stored files and their thumbnails; return False if any is left. Errors are logged."""
    return objects_delete(
        [name for key in storage_keys for name in (key, *(thumbnail_key(key, size) for size in THUMBNAIL_SIZES))]
    )
