"""Error responses, all of one shape: `{"error", "code", "requestId", …members}`."""

import errno
import logging
from collections.abc import Callable
from typing import Any

from celery.exceptions import OperationalError as CeleryOperationalError
from django.conf import settings
from django.core.exceptions import DisallowedHost, PermissionDenied, SuspiciousOperation, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from forge.api.error_members import members_bounded, sentence_bounded
from forge.disk_full import is_disk_full
from forge.errors import (
    ForgeError,
    InvalidApiKey,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    StorageFull,
    Unavailable,
)
from forge.printable import escaped, escaped_json, printable

logger = logging.getLogger(__name__)


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response:
    """Map any exception of a view to an error response (DRF's EXCEPTION_HANDLER)."""
    request = context["request"]._request
    error = forge_error(exception)
    if isinstance(exception, exceptions.UnsupportedMediaType):
        accepted = " or ".join(parser.media_type for parser in context["view"].parser_classes)
        error = InvalidRequest(
            f"Send the body with the Content-Type {accepted}, not «{printable(request.content_type or '')}»."
        )
    if isinstance(error, Unavailable):
        cause = "" if isinstance(exception, ForgeError) else f" ({exception!r})"
        logger.warning("%s %s: %s%s", request.method, request.path, error.sentence, cause)
    elif error.status >= 500:
        logger.error("%s %s: %r", request.method, request.path, exception, exc_info=exception)
    if isinstance(error, MethodNotAllowed):
        # DRF lists OPTIONS as allowed in each view; here it is refused.
        view = context["view"]
        view.headers["Allow"] = ", ".join(method for method in view.allowed_methods if method != "OPTIONS")
    return Response(body(error, request.META["forge.request_id"]), status=error.status, headers=headers(error))


def json_error(request: HttpRequest, error: ForgeError) -> JsonResponse:
    request_id = request.META.get("forge.request_id", "")
    return JsonResponse(body(error, request_id), status=error.status, headers=headers(error))


def body(error: ForgeError, request_id: str) -> dict[str, Any]:
    shown = {"error": sentence_bounded(escaped(error.sentence)), "code": error.code, "requestId": request_id}
    return {**shown, **members_bounded(escaped_json(error.members), beside=shown)}


def headers(error: ForgeError) -> dict[str, str]:
    found = {"WWW-Authenticate": "ApiKey"} if error.status == 401 else {}
    if error.retry_after is not None:
        found["Retry-After"] = str(error.retry_after)
    return found


def forge_error(exception: BaseException) -> ForgeError:
    if isinstance(exception, ForgeError):
        return exception
    for classes, translate in _TRANSLATIONS:
        if isinstance(exception, classes):
            return translate(exception)
    return ForgeError()


def _sentence(detail: Any, field: str = "") -> str:
    """Return the first error of a validation, after the name of its field."""
    if isinstance(detail, dict) and detail:
        key, value = next(iter(detail.items()))
        name = f"{field}[{key}]" if isinstance(key, int) else f"{field}.{key}".lstrip(".")
        name = field if key == "non_field_errors" else name
        return _sentence(value, name)
    if isinstance(detail, list) and detail:
        first = next((index for index, item in enumerate(detail) if item), 0)
        name = f"{field}[{first}]" if isinstance(detail[first], dict) else field
        return _sentence(detail[first], name)
    return f"{field}: {detail}" if field else str(detail)


def _too_many_files() -> PayloadTooLarge:
    limit, least = settings.FORGE_MAX_IMAGES, settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1
    return PayloadTooLarge(
        f"A request may hold {limit} images; this one has {least} or more.", limit=limit, actual=least
    )


def _os_error(error: OSError) -> ForgeError:
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return Unavailable("The service is out of file handles. Nothing was kept; please try again later.")
    return StorageFull() if is_disk_full(error) else ForgeError()


def _unavailable(error: Exception) -> ForgeError:
    return StorageFull() if is_disk_full(error) else Unavailable()


def _suspicious(error: Exception) -> ForgeError:
    if isinstance(error, DisallowedHost) and settings.FORGE_ENV == "local":
        hosts = ", ".join(settings.ALLOWED_HOSTS)
        return InvalidRequest(
            f"The Host of this request is not one of ALLOWED_HOSTS ({hosts}). Add it to that setting."
        )
    return InvalidRequest()


_TRANSLATIONS: tuple[tuple[tuple[type[BaseException], ...], Callable[[Any], ForgeError]], ...] = (
    ((Http404, exceptions.NotFound), lambda _: NotFound()),
    ((exceptions.ValidationError,), lambda e: InvalidRequest(_sentence(e.detail), fields=e.detail)),
    ((exceptions.ParseError,), lambda e: InvalidRequest(f"The body cannot be read: {e.detail}")),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), lambda _: InvalidApiKey()),
    ((exceptions.MethodNotAllowed,), lambda _: MethodNotAllowed()),
    ((TooManyFilesSent,), lambda _: _too_many_files()),
    ((RecursionError,), lambda _: InvalidRequest("The JSON is nested too deeply.")),
    ((SuspiciousOperation, PermissionDenied), _suspicious),
    ((OperationalError, InterfaceError, RedisError, CeleryOperationalError), _unavailable),
    ((OSError,), _os_error),
)

# Django's handlers, for requests that reach no view.


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return json_error(request, forge_error(exception))


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return json_error(request, NotFound(f"There is nothing at {printable(request.path)}."))


def server_error(request: HttpRequest) -> JsonResponse:
    return json_error(request, ForgeError())
