"""Parts of the OpenAPI document that no view's serializer describes: streams, errors, headers."""

from collections import defaultdict
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers

from forge.api.serializers import (
    CompleteSerializer,
    ErrorSerializer,
    ImageErrorSerializer,
    OptionalFieldsSerializer,
    ProgressSerializer,
    ResultSerializer,
)
from forge.errors import ApiKeyInactive, ForgeError, InvalidApiKey, RateLimited, RequestTimeout, Unavailable

_Parameters = list[OpenApiParameter | serializers.Serializer[Any] | type[serializers.Serializer[Any]]]
_RATE_HEADERS: _Parameters = [
    OpenApiParameter(name, OpenApiTypes.INT, OpenApiParameter.HEADER, description=description, response=True)
    for name, description in {
        "RateLimit-Limit": "The limit: requests a minute, or bytes a day where fewer of these are left.",
        "RateLimit-Remaining": "What is left of it.",
        "RateLimit-Reset": "Seconds until the whole limit is available again.",
    }.items()
]


class FirstSentenceSchema(AutoSchema):
    """Take an endpoint's summary from the first sentence of its docstring, its description from the rest."""

    def get_summary(self) -> str | None:
        return super().get_description().partition(". ")[0].rstrip(".") or None

    def get_override_parameters(self) -> _Parameters:
        return _RATE_HEADERS if self.get_auth() else []

    def get_description(self) -> str:  # type: ignore[override]  # the stubs take DRF's AutoSchema
        return super().get_description().partition(". ")[2]


_ALWAYS = (InvalidApiKey, ApiKeyInactive, RequestTimeout, RateLimited, Unavailable)


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
    value = {"error": error.message, "code": error.code, "requestId": "req_8Jq…"}
    return OpenApiExample(error.code, value=value, response_only=True, status_codes=[str(error.status)])


class OptionalFieldsSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Omit the optional fields from `required`."""

    target_class = OptionalFieldsSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        shape = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        shape["required"] = [name for name in shape["required"] if name not in self.target.optional]
        return shape


class JsonTextField(serializers.CharField):
    """JSON text in an event's data, of the shape of a serializer."""

    def __init__(self, shape: serializers.Serializer[Any]) -> None:
        super().__init__()
        self.shape = shape


class JsonTextFieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = JsonTextField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        shape = auto_schema.resolve_serializer(self.target.shape, direction).ref
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": shape}


def _event(name: str, data: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {
        "id": serializers.RegexField(r"^[1-9][0-9]*$", help_text="Starts at 1, no gaps; send it as Last-Event-ID."),
        "event": serializers.ChoiceField(choices=[name]),
        "data": JsonTextField(data()),
        "__doc__": data.__doc__,
    }
    return type(f"{name.capitalize()}EventSerializer", (serializers.Serializer,), fields)


EVENT_DATA: dict[str, type[serializers.Serializer[Any]]] = {
    "progress": ProgressSerializer,
    "result": ResultSerializer,
    "error": ImageErrorSerializer,
    "complete": CompleteSerializer,
}
JOB_EVENT = PolymorphicProxySerializer(
    component_name="JobEvent",
    serializers={name: _event(name, data) for name, data in EVENT_DATA.items()},
    resource_type_field_name="event",
)

STREAM = {
    (200, "text/event-stream"): OpenApiResponse(
        JOB_EVENT,
        description=(
            "Server-Sent Events. The first line is `retry: 2000`; a comment line is sent after 15 s of silence. "
            "Each message has the fields `event`, `id` and `data` (JSON) described here. One `progress` as an image "
            "begins, then one `result` or `error`; `complete` is last and then the stream closes. "
            "A stream that breaks is resumed at `/v1/jobs/{jobId}/events` with `Last-Event-ID`."
        ),
    )
}
