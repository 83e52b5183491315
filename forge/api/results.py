"""Fields of a result, as every response and event with one has them."""

import re
from typing import Any

from rest_framework import serializers

from forge.models import Kind
from forge.sessions.filenames import FILENAME_MAX_LENGTH


class MetadataSerializer(serializers.Serializer[Any]):
    """The metadata of one image: all six fields, or those that `options.fields` named."""

    title = serializers.CharField(required=False)
    alt = serializers.CharField(
        required=False, allow_blank=True, max_length=250, help_text="Empty for an image that is decoration."
    )
    caption = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    filename = serializers.CharField(
        required=False, max_length=FILENAME_MAX_LENGTH, help_text="Without extension; unique within the session."
    )
    seoTags = serializers.ListField(child=serializers.CharField(), required=False, min_length=1, max_length=30)


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


class UnusedKeywordsField(serializers.ListField):
    child = serializers.CharField()

    def __init__(self, **options: Any) -> None:
        sentence = "Of `options.keywords`, those that the image did not support."
        super().__init__(required=False, help_text=sentence, **options)


class DecorativeField(serializers.BooleanField):
    def __init__(self, **options: Any) -> None:
        sentence = "True where the image carries no content: `alt` is empty. Absent otherwise."
        super().__init__(required=False, help_text=sentence, **options)


class TranslationErrorSerializer(serializers.Serializer[Any]):
    """A language failed; its credit was refunded."""

    error = serializers.CharField()
    code = serializers.CharField()


class TranslationsField(serializers.DictField):
    child = MetadataSerializer()

    def __init__(self, **options: Any) -> None:
        sentence = "The metadata in the further languages of `options.languages`, by tag, without file names."
        super().__init__(required=False, help_text=sentence, **options)


class TranslationErrorsField(serializers.DictField):
    child = TranslationErrorSerializer()

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, help_text="Languages that failed, by tag; refunded.", **options)


class ResultSerializer(serializers.Serializer[Any]):
    """The fields of a result, as events have them."""

    metadata = MetadataSerializer()
    kind = KindField()
    confidence = ConfidenceField()
    needsReview = NeedsReviewField()
    unusedKeywords = UnusedKeywordsField()
    decorative = DecorativeField()
    translations = TranslationsField()
    translationErrors = TranslationErrorsField()


RESULT_FIELDS = tuple(ResultSerializer().fields)


class StoredResultSerializer(ResultSerializer):
    """The fields of a row with a result, or without."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for name in RESULT_FIELDS:
            fields[name].required = False
            column = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
            if column != name:  # a source that is the name is refused
                fields[name].source = column
        return fields


class VariantSerializer(serializers.Serializer[Any]):
    """One exported file."""

    name = serializers.CharField(help_text="`full`, or the width as in `768w`.")
    path = serializers.CharField(help_text="Its address on this service; send the key with it.")
    filename = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    width = serializers.IntegerField(help_text="Pixels.")
    height = serializers.IntegerField(help_text="Pixels.")
