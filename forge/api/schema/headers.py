"""Response headers in the OpenAPI document."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from forge.api.middleware import REQUEST_ID_HEADER

Parameters = list[OpenApiParameter | serializers.Serializer | type[serializers.Serializer]]  # type: ignore[type-arg]


def _header(name: str, type: OpenApiTypes, description: str, *statuses: int) -> OpenApiParameter:
    """Describe a header of the responses with these statuses, of all responses where none is given."""
    where = [str(status) for status in statuses] or True
    return OpenApiParameter(name, type, OpenApiParameter.HEADER, description=description, response=where)


GENERAL: Parameters = [
    _header(
        REQUEST_ID_HEADER,
        OpenApiTypes.STR,
        "The request's id, also in the service's log: yours, if you sent one of up to 64 letters, digits and `._-`.",
    ),
    _header("Retry-After", OpenApiTypes.INT, "Seconds until the request may be sent again.", 429, 503, 504),
    _header("WWW-Authenticate", OpenApiTypes.STR, "How to authenticate.", 401),
]
RATE: Parameters = [
    _header(name, OpenApiTypes.INT, description)
    for name, description in {
        "RateLimit-Limit": "The limit: requests a minute, or bytes a day where fewer of these are left.",
        "RateLimit-Remaining": "What is left of it.",
        "RateLimit-Reset": "Seconds until the whole limit is available again.",
    }.items()
]
# Of every response that is about one job, those of a failed or slow image included.
JOB_HEADERS: Parameters = [
    _header("X-Job-Id", OpenApiTypes.STR, "The job's id.", 200, 202, 204, 422, 504),
    _header("Location", OpenApiTypes.URI, "The job's address.", 200, 202, 204, 422, 504),
]
