from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import limits, selectors
from forge.api.account import account_of
from forge.api.include import include_parameter, listed
from forge.api.pagination import NewestJobPagination
from forge.api.schema import JOB_HEADERS, STREAM, error_responses
from forge.api.serializers import JobSerializer, JobSummarySerializer
from forge.api.views.streams import job_headers, last_event_id_of, stream_response
from forge.errors import InvalidRequest, NotFound
from forge.jobs import services
from forge.models import Job


class JobListView(APIView):
    pagination_class = NewestJobPagination

    @extend_schema(
        operation_id="jobs_list",
        parameters=[
            OpenApiParameter(
                "status",
                {"type": "array", "items": {"type": "string", "enum": list(Job.Status.values)}},
                style="form",
                explode=False,
                description="Jobs in one of these states.",
            ),
            OpenApiParameter("sessionId", OpenApiTypes.STR, description="Jobs of this session."),
        ],
        responses={200: JobSummarySerializer(many=True), **error_responses(InvalidRequest, NotFound)},
    )
    def get(self, request: Request) -> Response:
        """The account's jobs, newest first, without their images."""
        paginator = NewestJobPagination()
        statuses = listed(request, "status", *Job.Status.values)
        jobs = selectors.jobs_of(
            account_of(request), statuses=statuses, session_id=request.query_params.get("sessionId")
        )
        page = paginator.paginate_queryset(jobs, request, self)
        return paginator.get_paginated_response([JobSummarySerializer(job).data for job in page or []])


class JobView(APIView):
    @extend_schema(
        operation_id="jobs_get",
        parameters=[
            include_parameter(
                "`provenance`: how the metadata of each image was made: models, scores and times.", "provenance"
            ),
            *JOB_HEADERS,
        ],
        responses={200: JobSerializer, **error_responses(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """A job with the state of each image."""
        include = listed(request, "include", "provenance")
        job = selectors.job_get(account_of(request), job_id)
        content = JobSerializer(job, context={"include": include}).data
        return Response(content, headers=job_headers(request, job))


class JobCancelView(APIView):
    @extend_schema(
        operation_id="jobs_cancel",
        parameters=JOB_HEADERS,
        request=None,
        responses={200: JobSerializer, **error_responses(NotFound)},
    )
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel the images that wait. They are refunded; images under way finish. An ended job is not changed."""
        account = account_of(request)
        services.job_cancel(job=selectors.job_get(account, job_id))
        job = selectors.job_get(account, job_id)
        return Response(JobSerializer(job).data, headers=job_headers(request, job))


class JobEventsView(APIView):
    http_method_names = ["get"]  # a HEAD would hold an empty stream until the job ends

    @extend_schema(
        operation_id="jobs_events",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.INT,
                OpenApiParameter.HEADER,
                description="Send the events after this one.",
            ),
            OpenApiParameter("after", OpenApiTypes.INT, description="The same, where no header can be set."),
            *JOB_HEADERS,
        ],
        responses={**STREAM, 204: None, **error_responses(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """The job's stream from its first event, or after the one named. 204 once `complete` has been delivered."""
        after = last_event_id_of(request) or 0
        job = selectors.job_get(account_of(request), job_id)
        if job.is_finished and after >= job.last_seq:
            return Response(status=204, headers=job_headers(request, job))
        with limits.acquire_stream_slot(account_of(request)) as slot:
            return stream_response(request, job, slot, after=after)
