"""Event streams in the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import serializers

from forge.api.event_serializers import (
    CompleteEventSerializer,
    ErrorEventSerializer,
    ProgressEventSerializer,
    ResultEventSerializer,
)
from forge.api.export_events import (
    ExportCompleteEventSerializer,
    ExportProgressEventSerializer,
    ExportResultEventSerializer,
)

MEDIA_TYPE = "text/event-stream"
EVENT_DATA: dict[str, type[serializers.Serializer[Any]]] = {
    "progress": ProgressEventSerializer,
    "result": ResultEventSerializer,
    "error": ErrorEventSerializer,
    "complete": CompleteEventSerializer,
}
EXPORT_EVENT_DATA: dict[str, type[serializers.Serializer[Any]]] = {
    "progress": ExportProgressEventSerializer,
    "result": ExportResultEventSerializer,
    "error": ErrorEventSerializer,
    "complete": ExportCompleteEventSerializer,
}
_JOB_EVENT = PolymorphicProxySerializer(
    component_name="JobEvent", serializers=list(EVENT_DATA.values()), resource_type_field_name=None
)
_EXAMPLE = (
    "retry: 2000\nevent: progress\nid: 1\n"
    'data: {"jobId":"job_8Jq2xV","imageId":"img_8Jq2xV","status":"processing","current":1,"total":3}\n\n'
)
_EXPORT_EVENT = PolymorphicProxySerializer(
    component_name="ExportEvent", serializers=list(EXPORT_EVENT_DATA.values()), resource_type_field_name=None
)
_EXPORT_EXAMPLE = _EXAMPLE.replace('"processing",', '"processing","step":"export",')
EXPORT_STREAM = {
    (200, MEDIA_TYPE): OpenApiResponse(
        _EXPORT_EVENT,
        description=(
            "Server-Sent Events as of `analyze`, with data of the schemas `ExportProgressEvent`, `ExportResultEvent`, "
            "`ErrorEvent` and `ExportCompleteEvent`, whose `results` has the files of all images that succeeded. An "
            "image that fails has an `error` with the code `export_failed`, or one of `analyze-single`."
        ),
        examples=[OpenApiExample("progress", value=_EXPORT_EXAMPLE, media_type=MEDIA_TYPE, response_only=True)],
    )
}
STREAM = {
    (200, MEDIA_TYPE): OpenApiResponse(
        _JOB_EVENT,
        description=(
            "Server-Sent Events. Each has `event` (`progress`, `result`, `error`, `complete`), `id` (an integer from 1 "
            "without gaps) and `data`, JSON of the schema `ProgressEvent`, `ResultEvent`, `ErrorEvent` or "
            "`CompleteEvent`. One `progress` as an image begins, then one `result` or `error`; `complete` is last and "
            "then the stream closes. `retry: 2000` is in the first event's block; a comment line is sent after 15 s of "
            "silence. A stream that breaks is resumed at `/v1/jobs/{jobId}/events`, or by the same POST, with "
            "`Last-Event-ID`. A client without support for streams receives the whole text."
        ),
        examples=[OpenApiExample("progress", value=_EXAMPLE, media_type=MEDIA_TYPE, response_only=True)],
    )
}


# What a parser of event streams makes of one event.
SERVER_SENT_EVENT = {
    "type": "object",
    "description": "One event as a parser of event streams returns it.",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"type": "string", "enum": list(EVENT_DATA)},
        "id": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Send it as Last-Event-ID."},
        "retry": {"type": "integer", "description": "Milliseconds until a reconnect; in the first event only."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [{"$ref": "#/components/schemas/JobEvent"}, {"$ref": "#/components/schemas/ExportEvent"}]
            },
        },
    },
}


def event_stream_schema(data: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a stream: an event's data, an event or the text, as the generated client reads it.

    OpenAPI 3.1 describes a body as a whole, 3.2 has `itemSchema`: docs/decisions/0020.
    """
    return {"anyOf": [data, {"$ref": "#/components/schemas/ServerSentEvent"}, {"type": "string"}]}
