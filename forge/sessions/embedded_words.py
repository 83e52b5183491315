"""An image's latest words as XMP: in its file, or beside it."""

import contextlib
from typing import Any

from django.core.files.storage import default_storage

import xmp
from forge.errors import Conflict, NotFound
from forge.models import Image, ImageAnalysis
from forge.sessions.thumbnails import stored_file
from xmp.words import text_digest


def file_with_words(image: Image) -> bytes:
    """Return the stored file with the words of the image's metadata, without a change to its pixels.

    What a person wrote into the file before is kept, in XMP, IIM or EXIF, but for texts that were corrected since.
    Raises NotFound, and Conflict where there are no words yet or the file cannot hold them.
    """
    words, provenance = words_of_image(image)
    try:
        return with_words(stored_bytes(image), words, provenance)
    except xmp.XmpError as error:
        raise Conflict(f"Image {image.pk}: {error} (sidecar.xmp)", imageIds=[image.pk]) from error


def with_words(file: bytes, words: xmp.Words, provenance: xmp.Provenance) -> bytes:
    """Return the file with the words, what persons wrote there kept but for corrected texts. Raises XmpError."""
    return xmp.write(file, words, provenance, policy=_policy(provenance)).data


def _policy(provenance: xmp.Provenance) -> xmp.Policy:
    corrected = dict.fromkeys(provenance.persons - {xmp.Field.KEYWORDS}, xmp.OnExisting.REPLACE)
    return {**xmp.DEFAULT_POLICY, **corrected}


def sidecar(image: Image) -> bytes:
    """Return an XMP sidecar with the words, and with those of persons in the stored file, where it is still there.

    Raises Conflict where the image has no words yet.
    """
    words, provenance = words_of_image(image)
    file = b""
    with contextlib.suppress(NotFound):
        file = stored_bytes(image)
    return sidecar_of(file, words, provenance)


def sidecar_of(file: bytes, words: xmp.Words, provenance: xmp.Provenance) -> bytes:
    """Return a sidecar for the file with the words; what persons wrote there is kept but for corrected texts.

    Programs show a sidecar's words in the place of the file's.
    """
    beside = xmp.read_if_possible(file)
    return xmp.write_sidecar(None, words, provenance, policy=_policy(provenance), beside=beside).data


def packet_for_export(image: Image, original: bytes) -> bytes:
    """Return XMP for a new file of the image: what persons wrote into the original, and its words where it has some.

    Where the original's own words cannot be read there are none of them.
    """
    found, packet = _words_of_persons(xmp.read_if_possible(original)), None
    if found:
        by_person = xmp.Provenance("", "", persons=frozenset(xmp.Field))
        packet = xmp.write_sidecar(None, found, by_person).data
    if image.metadata is None:
        return packet or b""
    words, provenance = words_of_image(image)
    return xmp.write_sidecar(packet, words, provenance, policy=_policy(provenance)).data


def stored_bytes(image: Image) -> bytes:
    """Return the stored file. Raises NotFound."""
    with stored_file(lambda: default_storage.open(image.storage_key), image) as file:
        return bytes(file.read())


def words_of_image(image: Image) -> tuple[xmp.Words, xmp.Provenance]:
    """Return the words, and their model; fields that a person corrected have no model.

    Raises Conflict where there are none yet.
    """
    if image.metadata is None:
        raise Conflict(f"Image {image.pk} has no metadata yet. Analyze it first.", imageIds=[image.pk])
    succeeded = [one for one in image.analyses.all() if one.status == ImageAnalysis.Status.SUCCEEDED]
    analysis = max((one for one in succeeded if one.variants is None), key=lambda one: one.pk, default=None)
    author = _author((analysis.provenance if analysis else None) or {})
    model = f"{author['name']}@{author['revision']}" if author else "unknown"
    finished = analysis.finished_at if analysis else None
    time = (finished or image.created_at).isoformat(timespec="seconds").replace("+00:00", "Z")
    edited = set(image.edited or ())
    persons = frozenset(name for name, key in xmp.METADATA_NAMES.items() if key in edited)
    confidence = image.confidence
    sure = {} if confidence is None else dict.fromkeys((xmp.Field.ALT, xmp.Field.DESCRIPTION), confidence)
    return xmp.words_of_metadata(image.metadata, image.translations), xmp.Provenance(model, time, sure, persons)


def _words_of_persons(found: xmp.FileWords) -> xmp.Words:
    """Return the words of a file but for those that a model wrote and nobody changed."""
    of_model = {(record.field, record.language): record.digest for record in found.records}
    machine = {word for record in found.records for word in record.keywords}
    texts = {
        name: {lang: text for lang, text in languages.items() if of_model.get((name, lang)) != text_digest(text)}
        for name, languages in found.words.texts.items()
    }
    kept = {name: languages for name, languages in texts.items() if languages}
    return xmp.Words(kept, tuple(word for word in found.words.keywords if word not in machine))


def _author(provenance: dict[str, Any]) -> dict[str, Any]:
    """Return the model that wrote the words: a vision server's where it answered, else the captioner."""
    found: dict[str, Any] = (
        provenance["writer"] if "answer" in provenance else provenance.get("models", {}).get("captioner", {})
    )
    return found
