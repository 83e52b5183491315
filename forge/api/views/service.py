import ipaddress

from django.conf import settings
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge.api.schema import error_responses
from forge.api.serializers import HealthSerializer
from forge.errors import InvalidApiKey, Unavailable
from forge.operations import metrics, readiness


class PublicView(APIView):
    """A view that needs no API key."""

    authentication_classes = []
    permission_classes = []


class HealthView(PublicView):
    @extend_schema(operation_id="healthz", tags=["service"], responses={200: HealthSerializer})
    def get(self, request: Request) -> Response:
        """This process is up."""
        return Response({"status": "ok"})


class ReadyView(PublicView):
    @extend_schema(
        operation_id="readyz",
        tags=["service"],
        responses={200: HealthSerializer, **error_responses(Unavailable, anonymous=True)},
    )
    def get(self, request: Request) -> Response:
        """Database, Redis and at least one worker respond. 503 names in `missing` those that do not.

        `loading` is true where a worker that loads its models is all that is missing.
        """
        missing = readiness.missing()
        if missing:
            raise Unavailable(
                f"Not ready: {'; '.join(missing.values())}.",
                missing=sorted(missing),
                loading=set(missing.values()) == {readiness.LOADING},
            )
        return Response({"status": "ok"})


class MetricsView(PublicView):
    @extend_schema(
        operation_id="metrics",
        tags=["service"],
        responses={
            (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="Prometheus's text format."),
            **error_responses(InvalidApiKey, anonymous=True),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        """Metrics for Prometheus. They are for the operator.

        This machine and its private network may read them, or, where FORGE_METRICS_TOKEN is set, requests with
        `Authorization: Bearer TOKEN`.
        """
        if not _is_operator(request):
            raise InvalidApiKey("Metrics are for the operator: send FORGE_METRICS_TOKEN as a bearer token.")
        return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _is_operator(request: Request) -> bool:
    if settings.FORGE_METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.FORGE_METRICS_TOKEN}")
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # The address is a proxy's; its client may be anywhere.
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_private
    except ValueError:
        return False
