"""The query parameter `include`: parts of a response that are costly and seldom needed."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from forge.errors import InvalidRequest


def include_parameter(description: str, *names: str) -> OpenApiParameter:
    schema = {"type": "array", "items": {"type": "string", "enum": list(names)}}
    return OpenApiParameter("include", schema, style="form", explode=False, description=description)


def listed(request: Request, parameter: str, *accepted: str) -> set[str]:
    """Return the values of a parameter that takes a list with commas. Raises InvalidRequest for others."""
    values = {value for given in request.query_params.getlist(parameter) for value in given.split(",")}
    if unknown := values - set(accepted):
        raise InvalidRequest(f"{parameter} takes {', '.join(accepted)}; «{min(unknown)[:40]}» is something else.")
    return values
