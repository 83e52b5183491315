"""A person's words: they replace those of a result, and later results keep them."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db import transaction
from django.db.models import F

from forge.errors import Conflict, EditConflict, NotFound
from forge.jobs.events import METADATA_FIELDS, Assessment, Extras, ImageMetadata
from forge.models import Image
from forge.sessions.filenames import filename_choose
from forge.words import words_record

# The fields whose being right is what `confidence` and `needsReview` are about.
_REVIEWED = frozenset({"alt", "caption"})


def metadata_kept(
    image: Image, metadata: ImageMetadata, filenames: Sequence[str], *, overwrites_edits: bool = False
) -> ImageMetadata:
    """Return a result's metadata, all fields or some, with a file name that is free and with a person's words."""
    edited = () if overwrites_edits else image.edited or ()
    kept = {name: (image.metadata or {})[name] for name in edited if name in metadata}
    if "filename" in metadata and "filename" not in kept:
        kept["filename"] = filename_choose(image=image, candidates=filenames)
    return cast("ImageMetadata", {**metadata, **kept})


def extras_kept(metadata: ImageMetadata, extras: Extras) -> Extras:
    """Return a result's extras; an image for which a person wrote an alt is not decorative."""
    kept = dict(extras)
    if metadata.get("alt"):
        kept.pop("decorative", None)
    return cast("Extras", kept)


def assessment_kept(image: Image, assessment: Assessment, *, overwrites_edits: bool = False) -> Assessment:
    """Return a result's assessment; where a person wrote alt and caption there is nothing left to review."""
    edited = set() if overwrites_edits else set(image.edited or ())
    return {**assessment, "needsReview": assessment["needsReview"] and not edited >= _REVIEWED}


def result_record(image: Image, result: Mapping[str, Any], *, overwrites_edits: bool = False) -> None:
    """Save a result, or a correction, as the image's latest words; fields that it does not have stay."""
    metadata = {**(image.metadata or {}), **result["metadata"]}
    changes = {**result, "metadata": metadata, "filename": metadata.get("filename"), "version": F("version") + 1}
    if "alt" not in result["metadata"]:
        changes.pop("decorative", None)  # it is about the alt that stays
    if "translations" in result:
        image.translations = changes["translations"] = _translations_kept(image, result)
    if overwrites_edits and image.edited:
        changes["edited"] = [name for name in image.edited if name not in result["metadata"]] or None
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


def _translations_kept(image: Image, result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a result's translations; where it has some of the fields only, over those that the image has."""
    new: dict[str, Any] = result["translations"] or {}
    old: dict[str, Any] = image.translations or {}
    if set(result["metadata"]) >= set(METADATA_FIELDS):
        return new or None
    return {tag: {**old.get(tag, {}), **new.get(tag, {})} for tag in {**old, **new}} or None


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
    changes: dict[str, Any] = {"metadata": fields, "edited": edited, "needs_review": False}
    if "alt" in fields:
        changes["decorative"] = not fields["alt"] or None
    result_record(current, changes)


def _require_free(image: Image, filename: str | None) -> None:
    others = Image.objects.filter(session=image.session_id).exclude(pk=image.pk)
    if filename and others.filter(filename__iexact=filename).exists():
        raise Conflict(f"Another image of this session has the file name «{filename}».", imageIds=[image.pk])
