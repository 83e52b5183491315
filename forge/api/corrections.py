"""Bodies of corrections of an image's metadata."""

from typing import Any

from rest_framework import serializers

from forge.sessions.filenames import FILENAME_MAX_LENGTH


class CorrectionRequest(serializers.Serializer[Any]):
    """Any of the six fields, and the `version` of the metadata that a person read."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, help_text="Of the image as it was read.")
    title = serializers.CharField(required=False, max_length=200)
    alt = serializers.CharField(
        required=False, max_length=250, allow_blank=True, help_text="Empty for an image that is decoration."
    )
    caption = serializers.CharField(required=False, max_length=500)
    description = serializers.CharField(required=False, max_length=2_000)
    filename = serializers.RegexField(
        r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
        required=False,
        max_length=FILENAME_MAX_LENGTH,
        error_messages={"invalid": "A file name is lower-case ASCII letters and digits, joined by single hyphens."},
    )
    seoTags = serializers.ListField(child=serializers.CharField(max_length=60), required=False)

    def validate_seoTags(self, tags: list[str]) -> list[str]:
        distinct = list(dict.fromkeys(tag.lower() for tag in tags))
        if not 3 <= len(distinct) <= 15:
            raise serializers.ValidationError("Give 3 to 15 distinct tags.")
        return distinct

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) < 2:
            raise serializers.ValidationError("Name at least one field to correct.")
        return attrs
