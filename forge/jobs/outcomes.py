"""The outcome of a job that has one image."""

from dataclasses import dataclass
from typing import cast

from forge import selectors
from forge.credits import ledger
from forge.jobs.events import Assessment, Extras, ImageMetadata
from forge.models import Account, ImageAnalysis


@dataclass(frozen=True)
class Succeeded:
    """`assessment` is None where a version before 0.3 analyzed the image."""

    image_id: str
    metadata: ImageMetadata
    assessment: Assessment | None
    extras: Extras
    credits_remaining: int


@dataclass(frozen=True)
class Failed:
    """The image failed or was cancelled, and was refunded."""

    image_id: str
    error: str
    code: str


@dataclass(frozen=True)
class Unfinished:
    image_id: str


ImageOutcome = Succeeded | Failed | Unfinished


def outcome_get(account: Account, job_id: str) -> ImageOutcome:
    """Raises NotFound, also where the session was deleted meanwhile."""
    analysis = selectors.job_get(account, job_id).analyses.all()[0]
    match analysis.status:
        case ImageAnalysis.Status.SUCCEEDED:
            metadata = cast("ImageMetadata", analysis.metadata)
            left = ledger.balance(account.pk)
            return Succeeded(analysis.image_id, metadata, _assessment(analysis), _extras(analysis), left)
        case ImageAnalysis.Status.FAILED | ImageAnalysis.Status.CANCELLED:
            return Failed(analysis.image_id, analysis.error, analysis.code)
    return Unfinished(analysis.image_id)


def _assessment(analysis: ImageAnalysis) -> Assessment | None:
    if analysis.confidence is None or analysis.needs_review is None:
        return None
    return {"kind": analysis.kind, "confidence": analysis.confidence, "needsReview": analysis.needs_review}


def _extras(analysis: ImageAnalysis) -> Extras:
    found: Extras = {}
    if analysis.unused_keywords is not None:
        found["unusedKeywords"] = analysis.unused_keywords
    if analysis.decorative:
        found["decorative"] = True
    if analysis.translations is not None:
        found["translations"] = analysis.translations
    if analysis.translation_errors:
        found["translationErrors"] = analysis.translation_errors
    return found
