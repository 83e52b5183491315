"""An image's latest words as XMP: in its file, or beside it."""

from typing import Any

from django.core.files.storage import default_storage

import xmp
from forge.errors import Conflict
from forge.models import Image
from forge.sessions.thumbnails import stored_file


def file_with_words(image: Image) -> bytes:
    """Return the stored file with the words of the image's metadata, without a change to its pixels.

    What a person wrote into the file before is kept, in XMP, IIM or EXIF, but for texts that were corrected since.
    Raises NotFound, and Conflict where there are no words yet or the file cannot hold them.
    """
    words, provenance = _words(image)
    corrected = dict.fromkeys(provenance.persons - {xmp.Field.KEYWORDS}, xmp.OnExisting.REPLACE)
    with stored_file(lambda: default_storage.open(image.storage_key), image) as file:
        data = bytes(file.read())
    try:
        return xmp.write(data, words, provenance, policy={**xmp.DEFAULT_POLICY, **corrected}).data
    except xmp.XmpError as error:
        raise Conflict(f"Image {image.pk}: {error} (sidecar.xmp)", imageIds=[image.pk]) from error


def sidecar(image: Image) -> bytes:
    """Return an XMP sidecar with the words. Raises Conflict where there are none yet."""
    return xmp.write_sidecar(None, *_words(image)).data


def _words(image: Image) -> tuple[xmp.Words, xmp.Provenance]:
    """Return the words, and their model; fields that a person corrected have no model."""
    if image.metadata is None:
        raise Conflict(f"Image {image.pk} has no metadata yet. Analyze it first.", imageIds=[image.pk])
    analysis = image.analyses.filter(status="succeeded").order_by("-pk").first()
    author = _author((analysis.provenance if analysis else None) or {})
    model = f"{author['name']}@{author['revision']}" if author else "unknown"
    finished = analysis.finished_at if analysis else None
    time = (finished or image.created_at).isoformat(timespec="seconds").replace("+00:00", "Z")
    edited = set(image.edited or ())
    persons = frozenset(name for name, key in xmp.METADATA_NAMES.items() if key in edited)
    confidence = image.confidence
    sure = {} if confidence is None else dict.fromkeys((xmp.Field.ALT, xmp.Field.DESCRIPTION), confidence)
    return xmp.words_of_metadata(image.metadata, image.translations), xmp.Provenance(model, time, sure, persons)


def _author(provenance: dict[str, Any]) -> dict[str, Any]:
    """Return the model that wrote the words: a vision server's where it answered, else the captioner."""
    found: dict[str, Any] = (
        provenance["writer"] if "answer" in provenance else provenance.get("models", {}).get("captioner", {})
    )
    return found
