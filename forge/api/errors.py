"""Every way a request can fail, told in one shape: `{"error", "code", "requestId", …members}`."""

import logging
from typing import Any

from celery.exceptions import OperationalError as CeleryOperationalError
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from forge.errors import (
    ForgeError,
    InvalidApiKey,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    Unavailable,
)

logger = logging.getLogger(__name__)


def handle(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    request = context["request"]._request
    error = forge_error(exception)
    if error.status >= 500:
        logger.error("%s %s: %r", request.method, request.path, exception, exc_info=exception)
    return Response(body(error, request.META["forge.request_id"]), status=error.status, headers=headers(error))


def json_error(request: HttpRequest, error: ForgeError) -> JsonResponse:
    request_id = request.META.get("forge.request_id", "")
    return JsonResponse(body(error, request_id), status=error.status, headers=headers(error))


def body(error: ForgeError, request_id: str) -> dict[str, Any]:
    return {"error": error.sentence, "code": error.code, "requestId": request_id, **error.members}


def headers(error: ForgeError) -> dict[str, str]:
    found = {"WWW-Authenticate": "ApiKey"} if error.status == 401 else {}
    if error.retry_after is not None:
        found["Retry-After"] = str(error.retry_after)
    return found


def forge_error(exception: BaseException) -> ForgeError:
    match exception:
        case ForgeError():
            return exception
        case Http404() | exceptions.NotFound():
            return NotFound()
        case exceptions.ValidationError():
            return InvalidRequest(_sentence(exception.detail), fields=exception.detail)
        case exceptions.ParseError():
            return InvalidRequest(f"The body cannot be read: {exception.detail}")
        case exceptions.UnsupportedMediaType():
            return InvalidRequest("This endpoint does not take that Content-Type; see the API page.")
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return InvalidApiKey()
        case exceptions.MethodNotAllowed():
            return MethodNotAllowed()
        case RequestDataTooBig():
            return PayloadTooLarge("The body is larger than this endpoint takes.")
        case SuspiciousOperation() | PermissionDenied():
            return InvalidRequest()
        case OperationalError() | InterfaceError() | RedisError() | CeleryOperationalError():
            return Unavailable()
    return ForgeError()


def _sentence(detail: Any, field: str = "") -> str:
    """The first complaint of a validation, with the field it is about."""
    if isinstance(detail, dict) and detail:
        key, value = next(iter(detail.items()))
        name = field if key == "non_field_errors" else f"{field}.{key}".lstrip(".")
        return _sentence(value, name)
    if isinstance(detail, list) and detail:
        first = next((index for index, item in enumerate(detail) if item), 0)
        name = f"{field}[{first}]" if isinstance(detail[first], dict) else field
        return _sentence(detail[first], name)
    return f"{field}: {detail}" if field else str(detail)


# Django's own handlers, for what never reaches a view.


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return json_error(request, forge_error(exception))


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return json_error(request, NotFound("There is nothing at this address."))


def server_error(request: HttpRequest) -> JsonResponse:
    return json_error(request, ForgeError())
