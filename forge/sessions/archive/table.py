"""The table of an archive: one line of CSV for each image and language, with all that is known of it."""

import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from analysis_options import language_of
from forge.models import Image, ImageAnalysis
from spreadsheet import BOM, csv_line

_FIELDS = ("title", "alt", "caption", "description", "filename")
_COLUMNS = (
    "file", "words", "originalFilename", "language", *_FIELDS, "seoTags", "kind", "confidence", "needsReview",
    "decorative", "edited", "status", "problem", "imageId", "width", "height", "size",
)  # fmt: skip
_IN_MEMORY = 2**20


class Table:
    """Lines are spooled to an unnamed temporary file: a session may have ten thousand."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed by close)
        self._file.write((BOM + csv_line(_COLUMNS)).encode())

    def add(self, image: Image, latest: ImageAnalysis | None, *, file: str, words: str, problem: str) -> None:
        """Add a line, and one for each further language. `words`: where they are, `file`, `sidecar` or nothing."""
        status = latest.status if latest else "uploaded"
        decorative = None if image.metadata is None else bool(image.decorative)
        for language, metadata, edited, failure in _languages(image, problem):
            cells = [
                file, words, image.original_filename, language, *(metadata.get(name, "") for name in _FIELDS),
                ", ".join(metadata.get("seoTags", ())), image.kind,
                "" if image.confidence is None else image.confidence, _flag(image.needs_review),
                _flag(decorative), edited, status, failure, image.pk, image.width, image.height, image.size,
            ]  # fmt: skip
            self._file.write(csv_line(cells).encode(errors="replace"))

    def read(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        self._file.close()


def _languages(image: Image, problem: str) -> Iterator[tuple[str, Mapping[str, Any], str, str]]:
    """Yield tag, metadata, edited fields and problem of the image's first language, then of the further ones.

    An image has one file name, in its first language.
    """
    metadata: dict[str, Any] = image.metadata or {}
    yield _first_language(image), metadata, ", ".join(image.edited or ()), problem
    translations, errors = image.translations or {}, image.translation_errors or {}
    for tag in sorted({*translations, *errors}):
        translated = {"filename": metadata.get("filename", ""), **translations.get(tag, {})}
        yield tag, translated, "", errors.get(tag, {}).get("error", "")


def _first_language(image: Image) -> str:
    """Return the language of the latest successful analysis; empty without words."""
    if image.metadata is None:
        return ""
    succeeded = (one.job.options for one in image.analyses.all() if one.status == ImageAnalysis.Status.SUCCEEDED)
    return language_of(next(succeeded, None))


def _flag(value: bool | None) -> str:
    return "" if value is None else str(value).lower()
