import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from forge.models.identifiers import random_token
from forge.quotas import Standing

REQUEST_ID_HEADER = "X-Request-Id"
STANDING = "forge.standing"  # where a request carries its Standing
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_for(given: str | None) -> str:
    """The caller's own id where it is one that can stand in a log line, else a new one."""
    return given if given and _WELL_FORMED.fullmatch(given) else f"req_{random_token()}"


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_for(request.headers.get(REQUEST_ID_HEADER))
        request.META["forge.request_id"] = request_id
        response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response


class RateLimitMiddleware:
    """Tells with every answer, a stream too, where the account stands with what the request was counted against."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        standing: Standing | None = request.META.get(STANDING)
        if standing is not None:
            response.headers["RateLimit-Limit"] = str(standing.limit)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset)
        return response
