"""Rows for the admin tests, and requests for its pages."""

import io
from collections.abc import Sequence

import PIL.Image
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from forge.credits import ledger
from forge.errors import ExportFailed, UnreadableImage
from forge.jobs import exports, services
from forge.jobs.events import Assessment, ImageMetadata, VariantData
from forge.models import Account, Image, ImageAnalysis, Job, Session
from forge.sessions import services as session_services
from forge.sessions import validation

ASSESSMENT: Assessment = {"kind": "poster", "confidence": 0.21, "needsReview": True}
HOSTILE = "<script>alert('admin')<script>.png"  # no slash: Django cuts names there


def encoded_image(
    *, file_format: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (400, 200), orientation: int = 1
) -> bytes:
    file = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    PIL.Image.new(mode, size).save(file, file_format, exif=exif)
    return file.getvalue()


def metadata_of(title: str) -> ImageMetadata:
    return {
        "title": title,
        "alt": f"Alt of {title}",
        "caption": "A caption.",
        "description": "A description. Of two sentences.",
        "filename": "",
        "seoTags": ["one", "two", "three"],
    }


def session_of(account: Account, files: Sequence[tuple[str, bytes]]) -> Session:
    images = validation.images_check([SimpleUploadedFile(name, content) for name, content in files], account=account)
    return session_services.session_create(account=account, images=images)[0]


def submitted(session: Session, action: Job.Action = Job.Action.ANALYZE) -> Job:
    """Write what job_submit writes, without a broker."""
    images = list(session.images.order_by("position"))
    job = Job.objects.create(session=session, account=session.account, action=action, total=len(images))
    ImageAnalysis.objects.bulk_create(
        ImageAnalysis(job=job, image=image, position=position) for position, image in enumerate(images)
    )
    ledger.charge(account_id=session.account_id, job_id=job.pk, image_ids=[image.pk for image in images])
    return job


def analysed(session: Session) -> Job:
    """Return a job whose last image failed; the others succeeded, with markup in their metadata."""
    job = submitted(session)
    analyses = list(job.analyses.order_by("position"))
    for analysis in analyses:
        claim = services.analysis_claim(analysis_id=analysis.pk, holder="worker")
        assert claim is not None
        if analysis is analyses[-1]:
            services.analysis_fail(claim=claim, error=UnreadableImage())
        else:
            title = f"<script>words{analysis.position}</script>"
            services.analysis_succeed(
                claim=claim,
                metadata=metadata_of(title),
                assessment=ASSESSMENT,
                filenames=["a-name"],
                provenance={"model": "<b>blip</b>"},
            )
    job.refresh_from_db()
    return job


def exported(session: Session) -> Job:
    """Return a job that exported the images, the last of which failed; no files are stored."""
    job = submitted(session, Job.Action.EXPORT)
    *analyses, last = job.analyses.order_by("position")
    variant: VariantData = {"name": "full", "path": "/", "filename": "a.webp", "size": 1, "width": 1, "height": 1}
    for analysis in (*analyses, last):
        claim = services.analysis_claim(analysis_id=analysis.pk, holder="worker")
        assert claim is not None
        if analysis is last:
            services.analysis_fail(claim=claim, error=ExportFailed())
        else:
            exports.export_succeed(claim=claim, variants=[variant, {**variant, "name": "480w"}])
    job.refresh_from_db()
    return job


def page(model: str, kind: str, *args: object) -> str:
    return reverse(f"admin:forge_{model}_{kind}", args=[quote(str(arg)) for arg in args])


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


def grant(client: Client, accounts: Sequence[Account], **fields: object) -> str:
    """Post the action and return the page that follows as text."""
    data = {"action": "grant_credits", "_selected_action": [account.pk for account in accounts], **fields}
    response = client.post(page("account", "changelist"), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def thumbnail_url(image: Image) -> str:
    return reverse("admin:forge_image_thumbnail", args=[image.pk])
