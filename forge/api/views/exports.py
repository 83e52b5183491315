"""Exports: new files of images, their streams and downloads."""

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from django.core.files.storage import default_storage
from django.http import HttpResponseBase, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from decoding import FILE_TYPES
from forge import limits, logs, selectors
from forge.api.account import account_of
from forge.api.export_requests import ExportRequest, export_settings
from forge.api.idempotency import KEY_HEADER, idempotent_request, request_executed
from forge.api.negotiation import prefers_json
from forge.api.schema import EXPORT_STREAM, JOB_HEADERS, error_responses
from forge.api.serializers import JobSerializer
from forge.api.views.analyze import RESUME_HEADER, SUBMIT_ERRORS
from forge.api.views.files import archive_response, file_response, stored_file_send
from forge.api.views.streams import job_headers, last_event_id_of, stream_response
from forge.errors import Conflict, NotFound, NothingToResume, PayloadTooLarge
from forge.jobs import submission
from forge.jobs.references import ImageReference
from forge.models import Job
from forge.sessions import thumbnails
from forge.sessions.archive import exported_entries
from forge.sessions.stored_images import variant_key

MOST_SAMPLES, MOST_SAMPLE_SIDE = 5, 2048  # images, pixels
_MEDIA_TYPES = {file_type.suffix: file_type.media_type for file_type in FILE_TYPES.values()}
_EXAMPLE = OpenApiExample(
    "export",
    value={
        "images": [{"id": "img_8Jq2xV", "uploadPath": "/sessions/sess_8Jq2xV/img_8Jq2xV.jpg"}],
        "settings": {"format": "webp", "preset": "high", "responsiveSizes": [{"width": 480}, {"width": 1024}]},
    },
    request_only=True,
)
_schema = partial(
    extend_schema,
    parameters=[KEY_HEADER, RESUME_HEADER, *JOB_HEADERS],
    request=ExportRequest,
    examples=[_EXAMPLE],
    responses={
        **EXPORT_STREAM,
        (202, "application/json"): JobSerializer,
        **error_responses(*SUBMIT_ERRORS, NothingToResume),
    },
)


class ExportView(APIView):
    action = Job.Action.EXPORT
    bounds: Mapping[str, int] = {}

    @_schema(operation_id="sessions_export")
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Export images. Each becomes a file of the format and quality chosen, and smaller ones at the widths chosen.

        Files are upright, have the names and the words of the metadata as XMP, and their colors with their ICC profile;
        no other metadata of the upload. They are kept as long as the session. One credit for each image that succeeds.
        The response is the job's stream, or the job itself to `Accept: application/json`.
        """
        return self.start_or_resume(request, session_id)

    def start_or_resume(self, request: Request, session_id: str) -> HttpResponseBase:
        serializer = ExportRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        validated = serializer.validated_data
        self.check(validated["images"])
        as_json = prefers_json(request)
        last_event_id = last_event_id_of(request)
        # Before anything is charged: over the limit of open streams the request is refused.
        with limits.acquire_stream_slot(account_of(request)) if not as_json else nullcontext() as slot:
            find = self._start if last_event_id is None else self._resume
            job, content = find(request, session_id, validated)
            logs.bind(jobId=job.pk)
            if as_json:
                content = content or JobSerializer(selectors.job_get(account_of(request), job.pk)).data
                return Response(content, status=202, headers=job_headers(request, job))
            return stream_response(request, job, slot, after=last_event_id or 0)

    def check(self, images: list[Any]) -> None: ...

    def _start(self, request: Request, session_id: str, validated: dict[str, Any]) -> tuple[Job, Any]:
        """Return the request's new job, or the job and response of the same idempotency key."""
        with idempotent_request(request) as idempotent:
            job = idempotent.job or submission.job_request(
                **self._order(request, session_id, validated), claimed_key=idempotent.key
            )
        return job, idempotent.response

    def _resume(self, request: Request, session_id: str, validated: dict[str, Any]) -> tuple[Job, None]:
        """Return the job of a client whose stream broke and that repeats its POST."""
        job = request_executed(request) or submission.job_resume(**self._order(request, session_id, validated))
        return job, None

    def _order(self, request: Request, session_id: str, validated: dict[str, Any]) -> dict[str, Any]:
        return {
            "account": account_of(request),
            "session_id": session_id,
            "confirmed_session_id": validated.get("sessionId"),
            "references": [ImageReference(one["id"], one["uploadPath"]) for one in validated["images"]],
            "options": {},
            "action": self.action,
            "export_settings": {**export_settings(validated), **self.bounds},
        }


class SampleView(ExportView):
    action = Job.Action.SAMPLE
    bounds = {"most_side": MOST_SAMPLE_SIDE}

    @_schema(operation_id="sessions_sample")
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Export up to five images for nothing, to compare formats and qualities. The rest is as with an export.

        The longer side has at most 2,048 pixels, and the number of images is limited by the hour (429).
        """
        return self.start_or_resume(request, session_id)

    def check(self, images: list[Any]) -> None:
        if len(images) > MOST_SAMPLES:
            raise PayloadTooLarge(
                f"A sample may have {MOST_SAMPLES} images; this one has {len(images)}.",
                limit=MOST_SAMPLES,
                actual=len(images),
            )


class VariantView(APIView):
    @extend_schema(
        operation_id="jobs_variant",
        responses={
            **{(200, _MEDIA_TYPES[suffix]): OpenApiTypes.BINARY for suffix in ("webp", "avif", "jpg", "png")},
            304: None,
            **error_responses(NotFound),
        },
    )
    def get(self, request: Request, job_id: str, image_id: str, variant_id: str) -> HttpResponseBase:
        """One exported file: `full`, or its width as in `768w`."""
        image, variant = selectors.variant_get(account_of(request), job_id, image_id, variant_id)
        key = variant_key(image.storage_key, job_id, variant)
        size = thumbnails.stored_file(lambda: default_storage.size(key), image)
        media_type = _MEDIA_TYPES[variant["filename"].rpartition(".")[2]]
        etag = f"{image_id}-{job_id}-{variant_id}"
        response = file_response(request, media_type, etag=etag, filename=variant["filename"])
        if isinstance(response, HttpResponseNotModified):
            return response
        return stored_file_send(request, response, key, size)


class JobArchiveView(APIView):
    http_method_names = ["get"]  # a HEAD would make the whole archive

    @extend_schema(
        operation_id="jobs_archive",
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **error_responses(NotFound, Conflict)},
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """The files of an export as a ZIP, made while it is sent. 409 where the job is none."""
        account = account_of(request)
        job = selectors.job_get(account, job_id)
        if job.action == Job.Action.ANALYZE:
            raise Conflict(f"Job {job.pk} is not an export.", jobId=job.pk)
        return archive_response(request, job.pk, exported_entries(job))
