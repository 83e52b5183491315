"""The entries of a session's archive, made one after the other."""

import json
import logging
from collections import Counter
from collections.abc import Generator, Iterator
from typing import NamedTuple

from django.db import close_old_connections
from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects

import xmp
from forge.clock import database_now
from forge.errors import NotFound
from forge.models import Image, ImageAnalysis, Job
from forge.sessions import embedded_words
from forge.sessions.archive.entry_names import EntryNames, stem_of
from forge.sessions.archive.table import Table
from forge.sessions.archive.zip_stream import ZipStream

logger = logging.getLogger(__name__)

TABLE, MANIFEST = "words.csv", "manifest.json"
METADATA_CHOICES = ("embedded", "sidecar", "none")
_PAGE = 50  # images
_GONE = "The stored file of this image is gone."
_ANALYSES = Prefetch(
    "analyses",
    ImageAnalysis.objects.filter(job__action=Job.Action.ANALYZE)
    .order_by("-pk")
    .select_related("job")
    .only("image", "job__options", "status", "error", "provenance", "variants", "finished_at"),
)


class _Contents(NamedTuple):
    """An image's file and sidecar, and why something is missing; None for what there is not."""

    file: bytes | None
    sidecar: bytes | None = None
    words: str = ""
    problem: str = ""


def archive_entries(images: QuerySet[Image], metadata: str) -> Generator[bytearray, None, None]:
    """Yield the bytes of the ZIP of a session's images, an entry or two at a time. `metadata`: of METADATA_CHOICES.

    Words go into the file where its format can hold them, else beside it. Images that are gone or failed are in table
    and manifest. Raises what the storage and the database raise: the ZIP is then cut off, and no reader takes it for
    complete. Close the generator in any case.
    """
    names, problems, counts = EntryNames(TABLE, MANIFEST), list[dict[str, str]](), Counter[str]()
    table, stream, now = Table(), ZipStream(), database_now()
    expected = images.count()
    try:
        for image in _in_pages(images):
            latest = next(iter(image.analyses.all()), None)
            found = _contents(image, metadata, latest)
            name = _name(image, names) if found.file is not None else ""
            counts.update(images=1, files=bool(name), **({found.words: 1} if found.words else {}))
            problem = _with_latest(found.problem, image, latest)
            table.add(image, latest, file=name, words=found.words, problem=problem)
            problems.extend(_problems(image, name, problem))
            if found.file is not None:
                yield stream.add(name, found.file, image.created_at)
            if found.sidecar is not None:
                yield stream.add(f"{name}.xmp", found.sidecar, image.created_at, compress=True)
        if counts["images"] < expected:
            problems.append({"problem": f"{expected - counts['images']} images were deleted meanwhile."})
        yield stream.add(TABLE, table.read(), now, compress=True)
        yield stream.add(MANIFEST, _manifest(counts, problems), now, compress=True) + stream.end()
    finally:
        table.close()


def _in_pages(images: QuerySet[Image]) -> Iterator[Image]:
    """Yield the images, read page by page: between pages no cursor and no pooled connection is held."""
    after = Q()
    while True:
        close_old_connections()
        page = list(images.filter(after).order_by("position", "pk")[:_PAGE])
        prefetch_related_objects(page, _ANALYSES)
        close_old_connections()
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]
        after = Q(position__gt=last.position) | Q(position=last.position, pk__gt=last.pk)


def _contents(image: Image, metadata: str, latest: ImageAnalysis | None) -> _Contents:
    try:
        data = embedded_words.stored_bytes(image)
    except NotFound:
        return _Contents(None, problem=_GONE)
    if image.metadata is None:
        return _Contents(data, problem=(latest.error if latest else "") or "The image has no words yet.")
    words, provenance = embedded_words.words_of_image(image)
    if metadata == "none" or not words:  # a file name is no word
        return _Contents(data)
    reason = ""
    if metadata == "embedded":
        try:
            return _Contents(embedded_words.with_words(data, words, provenance), words="file")
        except xmp.XmpError as error:
            reason = str(error)
        except Exception:  # one file must not end the archive of ten thousand
            logger.exception("Words could not be written into the file of image %s.", image.pk)
            reason = "Words could not be written into this file."
    return _Contents(data, embedded_words.sidecar_of(data, words, provenance), "sidecar", reason)


def _with_latest(problem: str, image: Image, latest: ImageAnalysis | None) -> str:
    """Return the problem, and that the image's words are not of its latest analysis where that gave none."""
    if image.metadata is None or latest is None or not latest.error:
        return problem
    return f"{problem} The latest analysis ended without words: {latest.error}".lstrip()


def _name(image: Image, names: EntryNames) -> str:
    stem = image.filename or stem_of(image.original_filename, image.pk)
    return names.take(stem, image.storage_key.rpartition(".")[2])


def _problems(image: Image, name: str, problem: str) -> Iterator[dict[str, str]]:
    """Yield what is wrong with an image, and the languages that failed."""
    about = {"imageId": image.pk, "originalFilename": image.original_filename, "file": name}
    failures = {tag: failure["error"] for tag, failure in sorted((image.translation_errors or {}).items())}
    for language, sentence in {"": problem, **failures}.items():
        if sentence:
            found = {**about, "language": language, "problem": sentence}
            yield {key: value for key, value in found.items() if value}


def _manifest(counts: Counter[str], problems: list[dict[str, str]]) -> bytes:
    content = {
        "images": counts["images"],
        "files": counts["files"],
        "wordsInFiles": counts["file"],
        "wordsInSidecars": counts["sidecar"],
        "table": TABLE,
        "problems": problems,
    }
    return json.dumps(content, ensure_ascii=False, indent=1).encode(errors="replace")
