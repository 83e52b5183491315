"""JSON of what a request made, as it is stored with an idempotency key and replayed.

The API's serializers describe the same JSON to the OpenAPI document and render it elsewhere. Workers import the
services that need this, and Django REST framework would cost each of them 12 MB.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from forge.models import Image, ImageAnalysis, Job, Session


def session_representation(session: Session, images: Iterable[Image]) -> dict[str, Any]:
    """A session with those of its images that a request uploaded."""
    return {
        "sessionId": session.pk,
        "createdAt": _timestamp(session.created_at),
        "expiresAt": _timestamp(session.expires_at),
        "images": [_image(image) for image in images],
    }


def job_representation(job: Job, image_ids: Iterable[str]) -> dict[str, Any]:
    """A job as it is accepted: all of its images are queued."""
    return {
        "jobId": job.pk,
        "sessionId": job.session_id,
        "action": str(job.action),
        "status": str(job.status),
        "total": job.total,
        "processed": job.processed,
        "createdAt": _timestamp(job.created_at),
        "finishedAt": None,
        "images": [{"imageId": image_id, "status": str(ImageAnalysis.Status.QUEUED)} for image_id in image_ids],
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "id": image.pk,
        "originalFilename": image.original_filename,
        "size": image.size,
        "width": image.width,
        "height": image.height,
        "uploadPath": image.upload_path,
    }


def _timestamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
