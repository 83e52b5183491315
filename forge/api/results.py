"""Fields of a result, as every response and event with one has them."""

from typing import Any

from rest_framework import serializers

from forge.models import Kind
from forge.sessions.filenames import FILENAME_MAX_LENGTH


class MetadataSerializer(serializers.Serializer[Any]):
    """The metadata of one image."""

    title = serializers.CharField()
    alt = serializers.CharField(max_length=250)
    caption = serializers.CharField()
    description = serializers.CharField()
    filename = serializers.CharField(
        max_length=FILENAME_MAX_LENGTH, help_text="Without extension; unique within the session."
    )
    seoTags = serializers.ListField(child=serializers.CharField(), min_length=3, max_length=15)


class KindField(serializers.ChoiceField):
    def __init__(self, **options: Any) -> None:
        super().__init__(choices=Kind.choices, help_text="What sort of image it is.", **options)


class ConfidenceField(serializers.FloatField):
    def __init__(self, **options: Any) -> None:
        sentence = "The probability that `alt` and `caption` are right."
        super().__init__(min_value=0.0, max_value=1.0, help_text=sentence, **options)


class NeedsReviewField(serializers.BooleanField):
    def __init__(self, **options: Any) -> None:
        super().__init__(help_text="`confidence` is below the service's threshold.", **options)


class AssessmentSerializer(serializers.Serializer[Any]):
    kind = KindField()
    confidence = ConfidenceField()
    needsReview = NeedsReviewField()
