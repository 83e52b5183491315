"""The OpenAPI document: what no view's serializer describes."""

from forge.api.schema.errors import error_responses
from forge.api.schema.events import EVENT_DATA, EXPORT_EVENT_DATA, EXPORT_STREAM, STREAM
from forge.api.schema.headers import JOB_HEADERS
from forge.api.schema.operations import OperationSchema
from forge.api.schema.samples import ANALYZE_SAMPLES

__all__ = [
    "ANALYZE_SAMPLES", "EVENT_DATA", "EXPORT_EVENT_DATA", "EXPORT_STREAM", "JOB_HEADERS", "STREAM", "OperationSchema",
    "error_responses",
]  # fmt: skip
