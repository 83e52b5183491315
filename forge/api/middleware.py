import re
from collections.abc import Callable, MutableMapping
from contextlib import nullcontext
from typing import Any

from django.http import HttpRequest, HttpResponse

from forge import logs
from forge.limits import RateLimitStatus
from forge.models.identifiers import random_token

REQUEST_ID_HEADER = "X-Request-Id"
RATE_LIMIT_STATUS = "forge.rate_limit_status"  # key of the request's META
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SCOPE_KEY = "forge.request_id"


def request_id_for(requested: str | None) -> str:
    """Return the caller's own id where it is safe in a log line, else a new one."""
    return requested if requested and _WELL_FORMED.fullmatch(requested) else f"req_{random_token()}"


def request_id_in(scope: MutableMapping[str, Any]) -> str:
    """Return the request's id, the same one for every layer."""
    if _SCOPE_KEY not in scope:
        name = REQUEST_ID_HEADER.lower().encode()
        requested = next((value for key, value in scope["headers"] if key.lower() == name), b"")
        scope[_SCOPE_KEY] = request_id_for(requested.decode("latin-1"))
    return str(scope[_SCOPE_KEY])


# A browser that renders data as a page runs nothing in it.
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# Pages load scripts as files of this server; styles may be inline, images may be data: and blob: URLs.
_PAGE_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        scope = getattr(request, "scope", None)
        requested = request.headers.get(REQUEST_ID_HEADER)
        request_id = request_id_for(requested) if scope is None else request_id_in(scope)
        request.META["forge.request_id"] = request_id
        # Under ASGI the id outlives Django's request cycle and ends with the request's asyncio task.
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
    """Set the RateLimit headers of every response, streams included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        status: RateLimitStatus | None = request.META.get(RATE_LIMIT_STATUS)
        if status is not None:
            response.headers["RateLimit-Limit"] = str(status.limit)
            response.headers["RateLimit-Remaining"] = str(status.remaining)
            response.headers["RateLimit-Reset"] = str(status.reset)
        return response


class ContentPolicyMiddleware:
    """Set the Content-Security-Policy, unless the view has set one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY if is_page else _DATA_POLICY)
        return response
