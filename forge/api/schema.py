"""What the OpenAPI document says of streams and errors, which no serializer of a view tells."""

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
    ProgressSerializer,
    ResultSerializer,
    WithoutAbsent,
)
from forge.errors import ApiKeyInactive, ForgeError, InvalidApiKey, RateLimited, Unavailable

_Parameters = list[OpenApiParameter | serializers.Serializer[Any] | type[serializers.Serializer[Any]]]
_RATE_HEADERS: _Parameters = [
    OpenApiParameter(name, OpenApiTypes.INT, OpenApiParameter.HEADER, description=description, response=True)
    for name, description in {
        "RateLimit-Limit": "What the account may use: requests a minute, or bytes a day where fewer of these are left.",
        "RateLimit-Remaining": "What is left of it.",
        "RateLimit-Reset": "Seconds until all of it is there again.",
    }.items()
]


class FirstSentenceSchema(AutoSchema):
    """Names an endpoint by the first sentence of its docstring; the rest describes it."""

    def get_summary(self) -> str | None:
        return super().get_description().partition(". ")[0].rstrip(".") or None

    def get_override_parameters(self) -> _Parameters:
        return _RATE_HEADERS if self.get_auth() else []

    def get_description(self) -> str:  # type: ignore[override]  # the stubs mean DRF's own
        return super().get_description().partition(". ")[2]


_ALWAYS = (InvalidApiKey, ApiKeyInactive, RateLimited, Unavailable)


def errors(*classes: type[ForgeError], anonymous: bool = False) -> dict[int, OpenApiResponse]:
    """The refusals of an endpoint, by HTTP status, each code with its sentence."""
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


class WithoutAbsentSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What may be left out is not required."""

    target_class = WithoutAbsent
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        shape = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        shape["required"] = [name for name in shape["required"] if name not in self.target.optional]
        return shape


class JsonText(serializers.CharField):
    """JSON as a stream carries it: text, of the shape that a serializer describes."""

    def __init__(self, shape: serializers.Serializer[Any]) -> None:
        super().__init__()
        self.shape = shape


class JsonTextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = JsonText

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        shape = auto_schema.resolve_serializer(self.target.shape, direction).ref
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": shape}


def _event(name: str, data: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {
        "id": serializers.RegexField(r"^[1-9][0-9]*$", help_text="Starts at 1, no gaps; send it as Last-Event-ID."),
        "event": serializers.ChoiceField(choices=[name]),
        "data": JsonText(data()),
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
