import asyncio
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import idempotency, limits, logs, relay, selectors
from forge.api.account import account_of
from forge.api.asgi.handoff import JsonResponder, hand_over
from forge.api.errors import body
from forge.api.idempotency import KEY_HEADER, idempotent_request
from forge.api.renderers import prefers_json
from forge.api.schema import STREAM, errors
from forge.api.serializers import AnalyzeRequest, AnalyzeSingleRequest, JobSerializer, SingleResultSerializer
from forge.api.views.streams import after_of, job_headers, stream_of
from forge.database import DATABASE_ERRORS
from forge.errors import (
    AnalysisCancelled,
    AnalysisCrashed,
    AnalysisFailed,
    AnalysisTimeout,
    Conflict,
    IdempotencyInProgress,
    IdempotencyMismatch,
    InsufficientCredits,
    InvalidRequest,
    NoCaption,
    NotFound,
    PayloadTooLarge,
    QueueFull,
    SessionExpired,
    StillRunning,
    UnreadableImage,
    UploadPathMismatch,
)
from forge.idempotency import ClaimedKey
from forge.jobs import outcomes, submission
from forge.jobs.services import ImageReference
from forge.models import Account, Job

_SUBMIT_ERRORS = (
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
        parameters=[KEY_HEADER],
        request=AnalyzeRequest,
        responses={**STREAM, (202, "application/json"): JobSerializer, **errors(*_SUBMIT_ERRORS)},
    )
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Analyse images. The answer is the job's stream, or the job itself to `Accept: application/json`."""
        asked = AnalyzeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        as_json = prefers_json(request)
        # Before anything is charged: a stream that may not open is refused with nothing done.
        with limits.acquire_stream_slot(account_of(request)) if not as_json else nullcontext() as slot:
            with idempotent_request(request) as idempotent:
                job = idempotent.job or _submit(
                    request, session_id, asked.validated_data, asked.validated_data["images"], idempotent.key
                )
            if as_json:
                answer = idempotent.response or JobSerializer(selectors.job_get(account_of(request), job.pk)).data
                return Response(answer, status=202, headers=job_headers(request, job))
            # A client whose stream broke may say its POST again instead of asking for the job's events.
            return stream_of(request, job, slot, after=0 if idempotent.is_first else after_of(request))


class AnalyzeSingleView(APIView):
    @extend_schema(
        operation_id="sessions_analyze_single",
        parameters=[KEY_HEADER],
        request=AnalyzeSingleRequest,
        responses={
            200: SingleResultSerializer,
            **errors(*_SUBMIT_ERRORS, *_SINGLE_ERRORS),
        },
    )
    def post(self, request: Request, session_id: str) -> HttpResponseBase:
        """Analyse one image and wait for its words. 504 with the `jobId` when that takes too long."""
        asked = AnalyzeSingleRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        with limits.acquire_stream_slot(account_of(request)) as slot:
            with idempotent_request(request, is_deferred=True) as idempotent:
                job = idempotent.job or _submit(
                    request, session_id, asked.validated_data, [asked.validated_data["image"]], idempotent.key
                )
            request_id = request._request.META["forge.request_id"]
            answer = _single_answer(account_of(request), job.pk, request_id, idempotent.key)
            hand_over(request, JsonResponder(answer), slot)
        return HttpResponse(headers=job_headers(request, job))


def _submit(
    request: Request,
    session_id: str,
    asked: dict[str, Any],
    images: list[dict[str, str]],
    claimed_key: ClaimedKey | None,
) -> Job:
    job = submission.job_request(
        account=account_of(request),
        session_id=session_id,
        confirmed_session_id=asked.get("sessionId"),
        references=[ImageReference(id=image["id"], upload_path=image["uploadPath"]) for image in images],
        claimed_key=claimed_key,
    )
    logs.bind(jobId=job.pk)
    return job


async def _single_answer(
    account: Account, job_id: str, request_id: str, claimed_key: ClaimedKey | None
) -> tuple[int, dict[str, Any]]:
    try:
        async with asyncio.timeout(settings.FORGE_SINGLE_WAIT_S):
            async for _ in relay.stream(account=account, job_id=job_id, after=0):
                pass
    except TimeoutError:
        pass  # What the job has come to by now is read below.
    try:
        return await relay.run_in_log_pool(lambda: _settled(account, job_id, request_id, claimed_key))
    except DATABASE_ERRORS:
        # The job was accepted and goes on, whatever has happened to its database since.
        return StillRunning.status, body(StillRunning(jobId=job_id), request_id)


def _settled(
    account: Account, job_id: str, request_id: str, claimed_key: ClaimedKey | None
) -> tuple[int, dict[str, Any]]:
    """The outcome; with a key, as whoever asked first with it is told."""
    try:
        outcome = outcomes.outcome_get(account, job_id)
    except NotFound as error:  # the session was deleted meanwhile
        return error.status, body(error, request_id)
    status, told = _as_response(outcome, job_id, request_id)
    if claimed_key is None or status == StillRunning.status:
        return status, told
    status, told = idempotency.response_settle(claimed_key.row.pk, status=status, response=told)
    return status, told | ({"requestId": request_id} if "requestId" in told else {})


def _as_response(outcome: outcomes.Outcome, job_id: str, request_id: str) -> tuple[int, dict[str, Any]]:
    ids = {"jobId": job_id, "imageId": outcome.image_id}
    match outcome:
        case outcomes.Succeeded():
            return 200, {**ids, "metadata": outcome.metadata, "creditsRemaining": outcome.credits_remaining}
        case outcomes.Failed():
            return 422, {"error": outcome.error, "code": outcome.code, "requestId": request_id, **ids}
    return StillRunning.status, body(StillRunning(**ids), request_id)
