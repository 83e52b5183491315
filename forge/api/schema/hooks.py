"""The last changes to the OpenAPI document, which SPECTACULAR_SETTINGS names."""

import re
from typing import Any

from forge.api.schema.events import MEDIA_TYPE, SERVER_SENT_EVENT, event_stream_schema


def path_parameters_camelize(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Name path parameters as the JSON does: `sessionId`; in Python they are `session_id`."""
    result["paths"] = {re.sub(r"{(\w+)}", lambda m: f"{{{_camel(m[1])}}}", p): o for p, o in result["paths"].items()}
    for operation in _operations(result):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path":
                parameter["name"] = _camel(parameter["name"])
    return result


def event_streams_describe(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    result["components"]["schemas"]["ServerSentEvent"] = SERVER_SENT_EVENT
    for operation in _operations(result):
        for response in operation["responses"].values():
            stream = response.get("content", {}).get(MEDIA_TYPE)
            if stream is not None:
                stream["schema"] = event_stream_schema(stream["schema"])
    return result


def _operations(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for operations in result["paths"].values() for operation in operations.values()]


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
