"""The service of exports: what a worker makes of an image, and where its files are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict, cast

from django.core.files.base import ContentFile
from django.db import transaction

from forge.jobs import completion
from forge.jobs.claims import Claim
from forge.jobs.events import VariantData
from forge.models import Image, Job
from forge.sessions import embedded_words
from forge.sessions.archive.entry_names import stem_of
from forge.sessions.stored_images import variant_key
from forge.storage import object_save, objects_delete

# Of forge/api/urls.py, which workers do not import.
_PATH = "/image-forge-api/v1/jobs/{}/images/{}/variants/{}"


StoredVariants = list[VariantData]


class ExportSettings(TypedDict):
    """As they are stored with the job: pixels of each width beside the image's own, and of the longer side at most."""

    format: str
    preset: str
    widths: list[int]
    most_side: NotRequired[int]


@dataclass(frozen=True)
class ExportOrder:
    """`stem`: of the files' names. `packet`: XMP for each of them, empty without words."""

    settings: ExportSettings
    stem: str
    packet: bytes


@dataclass(frozen=True)
class MadeVariant:
    name: str
    suffix: str
    data: bytes
    width: int
    height: int


def export_order(*, claim: Claim, original: bytes) -> ExportOrder | None:
    """Return what is to be made of an image's stored file; None where it was deleted meanwhile."""
    job = Job.objects.filter(pk=claim.job_id).only("export_settings").first()
    image = Image.objects.filter(pk=claim.image_id).first()
    if job is None or image is None:
        return None
    stem = image.filename or stem_of(image.original_filename, image.pk)
    return ExportOrder(
        cast(ExportSettings, job.export_settings), stem, embedded_words.packet_for_export(image, original)
    )


def export_store(*, claim: Claim, stem: str, made: Sequence[MadeVariant]) -> StoredVariants:
    """Store the files and return their records. Raises StorageFull and StorageUnavailable; then none is kept."""
    variants, keys = StoredVariants(), list[str]()
    try:
        for one in made:
            record = _record(claim, stem, one)
            # Before the write: one whose answer was lost may have been stored.
            keys.append(variant_key(claim.storage_key, claim.job_id, record))
            object_save(keys[-1], ContentFile(one.data))
            variants.append(record)
    except BaseException:
        objects_delete(keys)
        raise
    return variants


@transaction.atomic
def export_succeed(*, claim: Claim, variants: StoredVariants) -> bool:
    """Save an image's exported files; False when the claim is no longer held."""
    where = {"holder": claim.holder, "attempts": claim.attempt}
    return completion.export_end_succeeded(
        claim.analysis_id, claim.job_id, claim.image_id, where=where, variants=variants
    )


def _record(claim: Claim, stem: str, made: MadeVariant) -> VariantData:
    name = stem if made.name == "full" else f"{stem}-{made.name}"
    return {
        "name": made.name,
        "path": _PATH.format(claim.job_id, claim.image_id, made.name),
        "filename": f"{name}.{made.suffix}",
        "size": len(made.data),
        "width": made.width,
        "height": made.height,
    }
