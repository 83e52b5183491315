"""The analysis of one image, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, cast

from workers.composing.metadata import ComposedMetadata, Metadata
from workers.translations import Translations

NO_TRANSLATIONS = Translations()


class Assessment(TypedDict):
    """`kind`, `confidence` and `needsReview` of docs/api-contract.md."""

    kind: str
    confidence: float
    needsReview: bool


class TranslationError(TypedDict):
    error: str
    code: str


class Extras(TypedDict):
    """What a result has where its options ask for it (docs/api-contract.md)."""

    unusedKeywords: NotRequired[list[str]]
    decorative: NotRequired[bool]
    translations: NotRequired[dict[str, Metadata]]
    translationErrors: NotRequired[dict[str, TranslationError]]


@dataclass(frozen=True, slots=True)
class Analysis:
    """The composed metadata and its provenance, which is plain data for JSON.

    Milliseconds by stage: decode, wait (for the batch), caption and tag (the whole batch's),
    write, read, compose.
    """

    composed: ComposedMetadata
    provenance: dict[str, object]
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    translations: Translations = NO_TRANSLATIONS

    @property
    def metadata(self) -> Metadata:
        """Return the fields that the options name, all by default."""
        return self._named(self.composed)

    @property
    def translated(self) -> dict[str, Metadata]:
        """Return the fields by language tag; an image has one file name, in its first language."""
        found = {tag: self._named(composed) for tag, composed in self.translations.composed.items()}
        without = {tag: {k: v for k, v in fields.items() if k != "filename"} for tag, fields in found.items()}
        return cast("dict[str, Metadata]", without)

    def _named(self, composed: ComposedMetadata) -> Metadata:
        named = {
            name: value for name, value in composed.as_metadata().items() if name in self.fields or not self.fields
        }
        return cast("Metadata", named)

    @property
    def extras(self) -> Extras:
        """Return what the result has because of the options."""
        found: Extras = {}
        if self.composed.unused_keywords is not None:
            found["unusedKeywords"] = list(self.composed.unused_keywords)
        if self.composed.decorative:
            found["decorative"] = True
        if self.translations.composed or self.translations.failures:
            found["translations"] = self.translated
        return found

    @property
    def assessment(self) -> Assessment:
        return assessment_of(self.composed)


def assessment_of(composed: ComposedMetadata) -> Assessment:
    """Return the assessment, `confidence` rounded to three decimals."""
    return {
        "kind": composed.kind,
        "confidence": round(composed.confidence, 3),
        "needsReview": composed.needs_review,
    }
