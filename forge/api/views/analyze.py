import asyncio
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import idempotency, limits, logs, relay, selectors
from forge.api.account import account_of
from forge.api.analyze_requests import AnalyzeRequest, AnalyzeSingleRequest
from forge.api.asgi.handoff import JsonResponder, JsonResponse, hand_off
from forge.api.errors import body, headers
from forge.api.idempotency import KEY_HEADER, idempotent_request, request_executed
from forge.api.negotiation import prefers_json
from forge.api.options import effective_options
from forge.api.schema import ANALYZE_SAMPLES, JOB_HEADERS, STREAM, error_responses
from forge.api.serializers import JobSerializer, SingleResultSerializer
from forge.api.views.streams import job_headers, last_event_id_of, stream_response
from forge.database import DATABASE_ERRORS
from forge.errors import (
    AnalysisCancelled,
    AnalysisCrashed,
    AnalysisFailed,
    AnalysisTimeout,
    Conflict,
    ForgeError,
    IdempotencyInProgress,
    IdempotencyMismatch,
    ImageGone,
    InsufficientCredits,
    InvalidRequest,
    NoCaption,
    NotFound,
    NothingToResume,
    OptionUnsupported,
    PayloadTooLarge,
    QueueFull,
    SessionExpired,
    StillRunning,
    UnreadableImage,
    UploadPathMismatch,
)
from forge.idempotency import ClaimedKey
from forge.jobs import outcomes, submission
from forge.jobs.references import ImageReference
from forge.models import Account, Job
from forge.operations import families
from forge.representations import job_representation

RESUME_HEADER = OpenApiParameter(
    "Last-Event-ID",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    description=(
        "Resume after this event: no job is started and nothing is charged. The job is that of the same "
        "Idempotency-Key, else the session's newest one with exactly these images in the last 24 h."
    ),
)
SUBMIT_ERRORS = (
    InvalidRequest,
    NotFound,
    InsufficientCredits,
    Conflict,
    SessionExpired,
    PayloadTooLarge,
    QueueFull,
    UploadPathMismatch,
    IdempotencyInProgress,
    IdempotencyMismatch,
)
_SINGLE_ERRORS = (
    UnreadableImage,
    ImageGone,
    NoCaption,
    AnalysisFailed,
    AnalysisTimeout,
    AnalysisCrashed,
    AnalysisCancelled,
    StillRunning,
)


class AnalyzeView(APIView):
    @extend_schema(
        operation_id="sessions_analyze",
        parameters=[KEY_HEADER, RESUME_HEADER, *JOB_HEADERS],
        extensions=ANALYZE_SAMPLES,
        request=AnalyzeRequest,
        responses={
            **STREAM,
            (202, "application/json"): JobSerializer,
            **error_responses(*SUBMIT_ERRORS, OptionUnsupported, NothingToResume),
        },
    )
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Analyse images. The response is the job's stream, or the job itself to `Accept: application/json`."""
        serializer = AnalyzeRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        as_json = prefers_json(request)
        last_event_id = last_event_id_of(request)
        # Before anything is charged: over the limit of open streams the request is refused.
        with limits.acquire_stream_slot(account_of(request)) if not as_json else nullcontext() as slot:
            find = _start if last_event_id is None else _resume
            job, content = find(request, session_id, serializer.validated_data)
            if as_json:
                content = content or JobSerializer(selectors.job_get(account_of(request), job.pk)).data
                return Response(content, status=202, headers=job_headers(request, job))
            return stream_response(request, job, slot, after=last_event_id or 0)


class AnalyzeSingleView(APIView):
    @extend_schema(
        operation_id="sessions_analyze_single",
        parameters=[KEY_HEADER, *JOB_HEADERS],
        request=AnalyzeSingleRequest,
        responses={
            200: SingleResultSerializer,
            **error_responses(*SUBMIT_ERRORS, OptionUnsupported, *_SINGLE_ERRORS),
        },
    )
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Analyse one image and wait for its metadata. 504 with the `jobId` when that takes too long."""
        serializer = AnalyzeSingleRequest(data=request.data)
        serializer.is_valid(raise_exception=True)
        with limits.acquire_stream_slot(account_of(request)) as slot:
            with idempotent_request(request, is_deferred=True) as idempotent:
                validated = serializer.validated_data
                images = [validated["image"]]
                job = idempotent.job or _submit(request, session_id, validated, images, idempotent.key, is_single=True)
            request_id = request._request.META["forge.request_id"]
            response = _wait_for_outcome(account_of(request), job.pk, request_id, idempotent.key)
            hand_off(request, JsonResponder(response), slot)
        return HttpResponse(headers=job_headers(request, job))


def _start(request: Request, session_id: str, validated: dict[str, Any]) -> tuple[Job, Any]:
    """Return the request's new job and its response, or those of the same idempotency key."""
    images = validated["images"]
    with idempotent_request(request) as idempotent:
        job = idempotent.job or _submit(request, session_id, validated, images, idempotent.key)
    return job, idempotent.response or job_representation(job, [image["id"] for image in images])


def _resume(request: Request, session_id: str, validated: dict[str, Any]) -> tuple[Job, None]:
    """Return the job of a client whose stream broke and that repeats its POST instead of requesting the events."""
    job = request_executed(request) or submission.job_resume(
        account=account_of(request),
        session_id=session_id,
        confirmed_session_id=validated.get("sessionId"),
        references=_references(validated["images"]),
        options=effective_options(account_of(request), validated["options"]),
    )
    logs.bind(jobId=job.pk)
    return job, None


def _references(images: list[dict[str, str]]) -> list[ImageReference]:
    return [ImageReference(id=image["id"], upload_path=image["uploadPath"]) for image in images]


def _submit(
    request: Request,
    session_id: str,
    validated: dict[str, Any],
    images: list[dict[str, str]],
    claimed_key: ClaimedKey | None,
    *,
    is_single: bool = False,
) -> Job:
    account = account_of(request)
    options = effective_options(account, validated["options"])
    families.options_require(account, options, requested=validated["options"])
    job = submission.job_request(
        account=account,
        session_id=session_id,
        confirmed_session_id=validated.get("sessionId"),
        references=_references(images),
        claimed_key=claimed_key,
        options=options,
        is_single=is_single,
    )
    logs.bind(jobId=job.pk)
    return job


async def _wait_for_outcome(
    account: Account, job_id: str, request_id: str, claimed_key: ClaimedKey | None
) -> JsonResponse:
    """Return status, JSON and headers once the job has ended, or after FORGE_SINGLE_WAIT_S seconds."""
    try:
        async with asyncio.timeout(settings.FORGE_SINGLE_WAIT_S):
            async for _ in relay.stream(account=account, job_id=job_id, after=0):
                pass
    except TimeoutError:
        pass  # The outcome is read below, whatever it is by now.
    try:
        return await relay.run_in_log_pool(lambda: _settled_response(account, job_id, request_id, claimed_key))
    except DATABASE_ERRORS:
        # The job was accepted and goes on while the database is unavailable.
        return _error_response(StillRunning(jobId=job_id), request_id)


def _settled_response(account: Account, job_id: str, request_id: str, claimed_key: ClaimedKey | None) -> JsonResponse:
    """Return the outcome's response; with a key, the one that was recorded first."""
    try:
        outcome = outcomes.outcome_get(account, job_id)
    except NotFound as error:  # The session was deleted meanwhile.
        return _error_response(error, request_id)
    status, content, sent_headers = _response(outcome, job_id, request_id)
    if claimed_key is None or status == StillRunning.status:
        return status, content, sent_headers
    status, content = idempotency.response_settle(claimed_key.row.pk, status=status, response=content)
    return status, content | ({"requestId": request_id} if "requestId" in content else {}), sent_headers


def _response(outcome: outcomes.ImageOutcome, job_id: str, request_id: str) -> JsonResponse:
    ids = {"jobId": job_id, "imageId": outcome.image_id}
    match outcome:
        case outcomes.Succeeded():
            result = {"metadata": outcome.metadata, **(outcome.assessment or {}), **outcome.extras}
            return 200, {**ids, **result, "creditsRemaining": outcome.credits_remaining}, {}
        case outcomes.Failed():
            return 422, {"error": outcome.error, "code": outcome.code, "requestId": request_id, **ids}, {}
    return _error_response(StillRunning(**ids), request_id)


def _error_response(error: ForgeError, request_id: str) -> JsonResponse:
    return error.status, body(error, request_id), headers(error)
