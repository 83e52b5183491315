"""Helpers that submit and run jobs as a client and a worker do."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from forge.errors import AnalysisFailed
from forge.jobs import services
from forge.jobs.claims import Claim
from forge.jobs.events import Assessment, Extras, ImageMetadata
from forge.jobs.references import ImageReference
from forge.models import Account, Image, ImageAnalysis, Job, JobEvent, Session

METADATA: ImageMetadata = {
    "title": "A Red Kettle",
    "alt": "A red kettle",
    "caption": "A red kettle.",
    "description": "A red kettle. It is bright.",
    "filename": "red-kettle",
    "seoTags": ["kettle", "red", "kitchen"],
}
ASSESSMENT: Assessment = {"kind": "painting", "confidence": 0.25, "needsReview": True}


def session_without_files(account: Account, images: int) -> Session:
    """Create the rows of an upload without its files."""
    session = Session.objects.create(account=account)
    rows = [
        Image(session=session, position=n, size=1, width=1, height=1, storage_key=f"sessions/{session.pk}/{n}.jpg")
        for n in range(images)
    ]
    Image.objects.bulk_create(rows)
    return session


def references(session: Session) -> list[ImageReference]:
    return [ImageReference(id=image.pk, upload_path=image.upload_path) for image in session.images.all()]


def body_for(session: Session) -> dict[str, Any]:
    images = [
        {"id": image.pk, "uploadPath": image.upload_path, "originalFilename": image.original_filename}
        for image in session.images.all()
    ]
    return {"sessionId": session.pk, "images": images}


def submit(account: Account, session: Session) -> Job:
    return services.job_submit(account=account, session=session, references=references(session))


def analyses(job: Job) -> list[ImageAnalysis]:
    return list(job.analyses.order_by("position"))


def backdate(analysis: ImageAnalysis, **fields: float) -> None:
    """Move times of a row into the past, by seconds."""
    row = ImageAnalysis.objects.get(pk=analysis.pk)
    for field, seconds in fields.items():
        setattr(row, field, getattr(row, field) - timedelta(seconds=seconds))
    row.save()


def claim(analysis: ImageAnalysis, holder: str = "worker-1") -> Claim:
    claimed = services.analysis_claim(analysis_id=analysis.pk, holder=holder)
    assert claimed is not None
    return claimed


def claim_next(holder: str) -> Claim | None:
    """Claim the next image, alone where a dead worker held it."""
    try:
        return services.analysis_claim_next(holder=holder)
    except services.SuspectIsNext:
        return services.analysis_claim_next(holder=holder, suspect=True)


def succeed(claimed: Claim, *filenames: str, extras: Extras | None = None) -> bool:
    names = filenames or ("red-kettle",)
    return services.analysis_succeed(
        claim=claimed, metadata=METADATA, assessment=ASSESSMENT, filenames=names, extras=extras
    )


def without_assessment(rows: "QuerySet[ImageAnalysis] | QuerySet[Image]") -> None:
    """Change results to those of a version before 0.3."""
    rows.update(kind="", confidence=None, needs_review=None)


def run(job: Job, *, failing: frozenset[int] = frozenset()) -> None:
    for analysis in analyses(job):
        claimed = claim(analysis)
        if analysis.position in failing:
            services.analysis_fail(claim=claimed, error=AnalysisFailed())
        else:
            succeed(claimed)


def events(job: Job) -> list[tuple[int, str]]:
    return list(JobEvent.objects.filter(job=job).order_by("seq").values_list("seq", "type"))
