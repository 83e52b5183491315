import ipaddress
from urllib.parse import urlsplit

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

_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


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

        Where FORGE_METRICS_TOKEN is set, requests with `Authorization: Bearer TOKEN` may read them, else requests of
        this machine that passed no proxy.
        """
        if not _is_operator(request):
            raise InvalidApiKey("Metrics are for the operator: send FORGE_METRICS_TOKEN as a bearer token.")
        return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _is_operator(request: Request) -> bool:
    if settings.FORGE_METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.FORGE_METRICS_TOKEN}")
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    # A proxy on this machine connects from loopback, too; it passes on the name that its client requested.
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
