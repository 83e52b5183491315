from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from forge import readiness
from forge.api.schema import errors
from forge.api.serializers import HealthSerializer
from forge.errors import Unavailable


class _OpenView(APIView):
    """Answers without a key."""

    authentication_classes = []
    permission_classes = []


class HealthView(_OpenView):
    @extend_schema(operation_id="healthz", tags=["service"], responses={200: HealthSerializer})
    def get(self, request: Request) -> Response:
        """This process is up."""
        return Response({"status": "ok"})


class ReadyView(_OpenView):
    @extend_schema(
        operation_id="readyz",
        tags=["service"],
        responses={200: HealthSerializer, **errors(Unavailable, anonymous=True)},
    )
    def get(self, request: Request) -> Response:
        """Database, Redis and at least one worker answer. 503 names in `missing` what does not.

        `loading` is true where only time is missing: a worker is loading its models.
        """
        missing = readiness.missing()
        if missing:
            raise Unavailable(
                f"Not ready: {'; '.join(missing.values())}.",
                missing=sorted(missing),
                loading=set(missing.values()) == {readiness.LOADING},
            )
        return Response({"status": "ok"})
