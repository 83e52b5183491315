import re
from collections.abc import Callable, MutableMapping
from contextlib import nullcontext
from typing import Any

from django.http import HttpRequest, HttpResponse

from forge import logs
from forge.limits import RateLimitStatus
from forge.models.identifiers import random_token

REQUEST_ID_HEADER = "X-Request-Id"
STANDING = "forge.standing"  # where a request carries its RateLimitStatus
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SCOPE_KEY = "forge.request_id"


def request_id_for(given: str | None) -> str:
    """The caller's own id where it is one that can stand in a log line, else a new one."""
    return given if given and _WELL_FORMED.fullmatch(given) else f"req_{random_token()}"


def request_id_in(scope: MutableMapping[str, Any]) -> str:
    """The same id for every layer that asks."""
    if _SCOPE_KEY not in scope:
        name = REQUEST_ID_HEADER.lower().encode()
        given = next((value for key, value in scope["headers"] if key.lower() == name), b"")
        scope[_SCOPE_KEY] = request_id_for(given.decode("latin-1"))
    return str(scope[_SCOPE_KEY])


# Data is no page: whoever makes a browser show it as one gets nothing to run.
_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
# Ours bring their scripts as files of this server. Styles may stand in a page; pictures may be ones it made itself.
_OF_PAGES = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        scope = getattr(request, "scope", None)
        given = request.headers.get(REQUEST_ID_HEADER)
        request_id = request_id_for(given) if scope is None else request_id_in(scope)
        request.META["forge.request_id"] = request_id
        # Under ASGI the id holds for longer than Django's part, and ends with the request's own task.
        with logs.bound(requestId=request_id) if scope is None else nullcontext():
            response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        names = {"job_id": "jobId", "image_id": "imageId"}
        logs.bind(**{names[name]: str(value) for name, value in kwargs.items() if name in names})
        if request.resolver_match and (scope := getattr(request, "scope", None)) is not None:
            scope["forge.view"] = request.resolver_match.view_name or "unnamed"


class RateLimitMiddleware:
    """Tells with every answer, a stream too, where the account stands with what the request was counted against."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        standing: RateLimitStatus | None = request.META.get(STANDING)
        if standing is not None:
            response.headers["RateLimit-Limit"] = str(standing.limit)
            response.headers["RateLimit-Remaining"] = str(standing.remaining)
            response.headers["RateLimit-Reset"] = str(standing.reset)
        return response


class ContentPolicyMiddleware:
    """What a browser may do with an answer, where its view has not said so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", _OF_PAGES if is_page else _OF_DATA)
        return response
