"""Error responses in the OpenAPI document."""

from collections import defaultdict

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from forge.api.serializers import ErrorSerializer
from forge.errors import ApiKeyInactive, ForgeError, InvalidApiKey, RateLimited, RequestTimeout, Unavailable

_ALWAYS = (InvalidApiKey, ApiKeyInactive, RequestTimeout, RateLimited, Unavailable)
_EXAMPLE_MEMBERS = {
    "jobId": "job_8Jq2xV",
    "sessionId": "sess_8Jq2xV",
    "imageIds": ["img_8Jq2xV"],
    "imageId": "img_8Jq2xV",
    "version": 4,
    "balance": 1,
    "required": 3,
    "limit": 100,
    "actual": 120,
    "option": "language",
    "family": "embedded",
    "accepted": "en",
}


def error_responses(*classes: type[ForgeError], anonymous: bool = False) -> dict[int, OpenApiResponse]:
    """Describe the errors of an endpoint by HTTP status, each code with an example."""
    listed: tuple[type[ForgeError], ...] = classes if anonymous else (*classes, *_ALWAYS)
    by_status: dict[int, list[type[ForgeError]]] = defaultdict(list)
    for error in listed:
        by_status[error.status].append(error)
    return {
        status: OpenApiResponse(
            ErrorSerializer,
            description=", ".join(f"`{error.code}`" for error in same),
            examples=[_example(error) for error in same],
        )
        for status, same in by_status.items()
    }


def _example(error: type[ForgeError]) -> OpenApiExample:
    members = {name: value for name, value in _EXAMPLE_MEMBERS.items() if f"{{{name}" in error.message}
    value = {"error": error.message.format(**members), "code": error.code, "requestId": "req_8Jq2xV", **members}
    return OpenApiExample(error.code, value=value, response_only=True, status_codes=[str(error.status)])
