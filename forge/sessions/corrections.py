"""A person's words: they replace those of a result, and later results keep them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db import transaction
from django.db.models import F

from forge.errors import Conflict, EditConflict, NotFound
from forge.jobs.events import Assessment, ImageMetadata
from forge.models import Image
from forge.sessions.filenames import filename_choose
from forge.words import words_record

# The fields whose being right is what `confidence` and `needsReview` are about.
_REVIEWED = frozenset({"alt", "caption"})


def metadata_kept(image: Image, metadata: ImageMetadata, filenames: Sequence[str]) -> ImageMetadata:
    """Return a result's metadata with a file name that is free and with the fields that a person edited."""
    kept = {name: (image.metadata or {})[name] for name in image.edited or ()}
    if "filename" not in kept:
        kept["filename"] = filename_choose(image=image, candidates=filenames)
    return cast("ImageMetadata", {**metadata, **kept})


def assessment_kept(image: Image, assessment: Assessment) -> Assessment:
    """Return a result's assessment; where a person wrote alt and caption there is nothing left to review."""
    return {**assessment, "needsReview": assessment["needsReview"] and not set(image.edited or ()) >= _REVIEWED}


def result_record(image: Image, result: Mapping[str, Any]) -> None:
    """Save a result, or a correction, as the image's latest words."""
    metadata = result["metadata"]
    changes = {**result, "filename": metadata["filename"], "version": F("version") + 1}
    Image.objects.filter(pk=image.pk).update(**changes)
    image.metadata = metadata
    words_record(image.session, [image])


def image_locking_session(image_id: str) -> Image | None:
    """Return the image and lock its session's row: concurrent images choose their file names one after the other.

    Without it, all but one image with the same best name violate the unique constraint on PostgreSQL, again and again.
    """
    # FOR NO KEY UPDATE: a new job may insert a reference to the session meanwhile.
    images = Image.objects.select_related("session").select_for_update(of=("session",), no_key=True)
    return images.filter(pk=image_id).first()


@transaction.atomic
def image_correct(*, image: Image, version: int, fields: Mapping[str, Any]) -> None:
    """Replace fields of an image's metadata by a person's words, and mark them. A correction counts as the review.

    Raises EditConflict if the metadata is no longer that of `version`, and Conflict if there is none yet or another
    image of the session has the file name.
    """
    current = image_locking_session(image.pk)
    if current is None:
        raise NotFound(f"There is no image {image.pk}.")
    if current.metadata is None:
        raise Conflict(f"Image {image.pk} has no metadata yet. Analyze it first.", imageIds=[image.pk])
    if current.version != version:
        raise EditConflict(imageId=image.pk, version=current.version)
    _require_free(current, fields.get("filename"))
    edited = sorted({*(current.edited or ()), *fields})
    result_record(current, {"metadata": {**current.metadata, **fields}, "edited": edited, "needs_review": False})


def _require_free(image: Image, filename: str | None) -> None:
    others = Image.objects.filter(session=image.session_id).exclude(pk=image.pk)
    if filename and others.filter(filename__iexact=filename).exists():
        raise Conflict(f"Another image of this session has the file name «{filename}».", imageIds=[image.pk])
