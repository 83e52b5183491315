from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import limits, selectors
from forge.api.account import account_of
from forge.api.schema import STREAM, errors
from forge.api.serializers import JobSerializer
from forge.api.views.streams import after_of, job_headers, stream_of
from forge.errors import InvalidRequest, NotFound
from forge.jobs import services

_INCLUDABLE = ("provenance",)


class JobView(APIView):
    @extend_schema(
        operation_id="jobs_get",
        parameters=[
            OpenApiParameter(
                "include",
                {"type": "array", "items": {"type": "string", "enum": list(_INCLUDABLE)}},
                style="form",
                explode=False,
                description="`provenance`: how the words of each image came about; models, scores and times.",
            )
        ],
        responses={200: JobSerializer, **errors(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, job_id: str) -> Response:
        """A job with the state of each image."""
        include = _include(request)
        job = selectors.job_get(account_of(request), job_id)
        return Response(JobSerializer(job, context={"include": include}).data)


class JobCancelView(APIView):
    @extend_schema(operation_id="jobs_cancel", request=None, responses={200: JobSerializer, **errors(NotFound)})
    def post(self, request: Request, job_id: str) -> Response:
        """Cancel what waits. Its credits are given back; images under way finish. A job that ended stays as it is."""
        account = account_of(request)
        services.job_cancel(job=selectors.job_get(account, job_id))
        return Response(JobSerializer(selectors.job_get(account, job_id)).data)


class JobEventsView(APIView):
    http_method_names = ["get"]  # the answer to HEAD would be a stream of nothing, as long as the job

    @extend_schema(
        operation_id="jobs_events",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID", OpenApiTypes.INT, OpenApiParameter.HEADER, description="Send what follows it."
            ),
            OpenApiParameter("after", OpenApiTypes.INT, description="The same, where no header can be set."),
        ],
        responses={**STREAM, 204: None, **errors(InvalidRequest, NotFound)},
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """The job's stream from its first event, or after the one named. 204 once `complete` has been delivered."""
        after = after_of(request)
        job = selectors.job_get(account_of(request), job_id)
        if job.is_finished and after >= job.last_seq:
            return Response(status=204, headers=job_headers(request, job))
        with limits.acquire_stream_slot(account_of(request)) as slot:
            return stream_of(request, job, slot, after=after)


def _include(request: Request) -> set[str]:
    asked = {name for given in request.query_params.getlist("include") for name in given.split(",")}
    if unknown := asked - set(_INCLUDABLE):
        raise InvalidRequest(f"include takes {', '.join(_INCLUDABLE)}; «{min(unknown)[:40]}» is something else.")
    return asked
