import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from forge.models.identifiers import random_token

REQUEST_ID_HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_for(given: str | None) -> str:
    """The caller's own id where it is one that can stand in a log line, else a new one."""
    return given if given and _WELL_FORMED.fullmatch(given) else f"req_{random_token()}"


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
        request_id = request_id_for(request.headers.get(REQUEST_ID_HEADER))
        request.META["forge.request_id"] = request_id
        response = self.get_response(request)
        response.headers[REQUEST_ID_HEADER] = request_id
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
