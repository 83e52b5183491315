"""Provenance of a result, as `GET jobs/{id}?include=provenance` returns it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from forge.api.results import AssessmentSerializer


class ModelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    revision = serializers.CharField()
    options = serializers.DictField(required=False, help_text="What else the metadata depends on.")


class ScoredSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    confidence = serializers.FloatField(min_value=0.0, max_value=1.0)


class CandidateSerializer(ScoredSerializer):
    similarity = serializers.FloatField(
        min_value=-1.0, max_value=1.0, required=False, help_text="CLIP's cosine similarity to the image."
    )


class ProvenanceSerializer(serializers.Serializer[Any]):
    """How the metadata was made; a newer version of the service may add fields."""

    assessment = AssessmentSerializer(required=False, help_text="Absent from results of versions before 0.3.")
    models = serializers.DictField(child=ModelSerializer(), help_text="By role: `captioner`, `tagger`.")
    options = serializers.DictField(required=False, help_text="Those of the analysis, the account's defaults included.")
    captions = CandidateSerializer(many=True, help_text="Every candidate, best first.")
    tags = ScoredSerializer(many=True)
    milliseconds = serializers.DictField(
        child=serializers.FloatField(),
        help_text="By stage: `decode`, `wait` (for the batch), `caption` and `tag` (of the whole batch), `compose`.",
    )


@extend_schema_field(ProvenanceSerializer)
class ProvenanceField(serializers.JSONField):
    """Provenance exactly as it was recorded, whichever version of the service recorded it."""
