"""The event shapes are declared twice: as TypedDicts for the code, as serializers for the OpenAPI document."""

from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from rest_framework import serializers

from forge.api.results import RESULT_FIELDS, AssessmentSerializer, KindField, MetadataSerializer
from forge.api.schema import EVENT_DATA, EXPORT_EVENT_DATA
from forge.api.serializers import AnalysisSerializer, ImageStateSerializer
from forge.jobs.events import EVENTS, EXPORT_EVENTS, METADATA_FIELDS, Assessment, Extras, ImageMetadata, ResultData
from forge.models import ImageAnalysis, Kind
from forge.models.results import Result
from workers import analysis
from workers.composing import metadata as composing
from workers.models.evidence import KINDS

PLAIN_TYPES: dict[type, type] = {
    serializers.IntegerField: int,
    serializers.FloatField: float,
    serializers.BooleanField: bool,
    serializers.CharField: str,
    serializers.ChoiceField: str,
}


def declared(shape: type) -> dict[str, Any]:
    """The fields of a TypedDict by name: a plain type, a list, nested fields, or the choices of a Literal."""
    return {name: _declared(hint) for name, hint in get_type_hints(shape).items()}


def _declared(hint: Any) -> Any:
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if get_origin(hint) is list:
        return [_declared(item) for item in get_args(hint)]
    if get_origin(hint) is dict:
        return {"*": _declared(get_args(hint)[1])}
    return hint if hint in (str, int, float, bool) else declared(hint)


def described(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    return {name: _described(field) for name, field in serializer.fields.items()}


def _described(field: Any) -> Any:
    match field:
        case serializers.Serializer():
            return described(field)
        case serializers.DictField():
            return {"*": _described(field.child)}
        case serializers.ListSerializer() | serializers.ListField():
            return [_described(field.child)]
        case serializers.ChoiceField() if len(field.choices) == 1:
            return list(field.choices)
    return next(plain for kind, plain in PLAIN_TYPES.items() if isinstance(field, kind))


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_has_the_fields_that_the_document_describes(event: str) -> None:
    assert described(EVENT_DATA[event]()) == declared(EVENTS[event])
    assert described(EXPORT_EVENT_DATA[event]()) == declared(EXPORT_EVENTS[event])


def test_the_document_describes_each_event() -> None:
    assert list(EVENT_DATA) == list(EVENTS) == list(EXPORT_EVENT_DATA) == list(EXPORT_EVENTS)


def test_the_metadata_fields_are_the_same_in_workers_events_and_document() -> None:
    assert described(MetadataSerializer()) == declared(ImageMetadata) == declared(composing.Metadata)
    assert METADATA_FIELDS == ("title", "alt", "caption", "description", "filename", "seoTags")


def test_the_extras_are_the_same_in_workers_and_events() -> None:
    assert declared(Extras) == declared(analysis.Extras)


def test_the_assessment_fields_are_the_same_in_workers_events_and_document() -> None:
    assert described(AssessmentSerializer()) == declared(Assessment) == declared(analysis.Assessment)


@pytest.mark.parametrize("shape", [ImageStateSerializer, AnalysisSerializer])
def test_responses_have_each_column_of_a_result(shape: type[serializers.Serializer[Any]]) -> None:
    columns = {field.name for field in Result._meta.get_fields()}
    fields = shape().fields

    assert {fields[name].source for name in RESULT_FIELDS} == columns
    assert not any(fields[name].required for name in RESULT_FIELDS)
    assert {*declared(ResultData)} == {"jobId", "imageId", *RESULT_FIELDS}


def test_the_kinds_are_the_same_in_workers_database_and_document() -> None:
    assert tuple(Kind.values) == KINDS == tuple(KindField().choices)
    assert max(map(len, KINDS)) <= (ImageAnalysis._meta.get_field("kind").max_length or 0)
