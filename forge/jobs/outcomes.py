"""The outcome of a job that has one image."""

from dataclasses import dataclass
from typing import cast

from forge import selectors
from forge.credits import ledger
from forge.jobs.events import ImageMetadata
from forge.models import Account, ImageAnalysis


@dataclass(frozen=True)
class Succeeded:
    image_id: str
    metadata: ImageMetadata
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
            return Succeeded(analysis.image_id, cast("ImageMetadata", analysis.metadata), ledger.balance(account.pk))
        case ImageAnalysis.Status.FAILED | ImageAnalysis.Status.CANCELLED:
            return Failed(analysis.image_id, analysis.error, analysis.code)
    return Unfinished(analysis.image_id)
