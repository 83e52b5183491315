"""Bodies of the requests that analyze images."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from forge.api.options import OptionsField
from forge.errors import PayloadTooLarge


class _CountedFirst(serializers.ListSerializer[Any]):
    """A list whose length is checked before its items, and whose first wrong item ends the check."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list) and len(data) > settings.FORGE_MAX_IMAGES:
            raise PayloadTooLarge(
                f"A request may name {settings.FORGE_MAX_IMAGES} images; this one names {len(data)}.",
                limit=settings.FORGE_MAX_IMAGES,
                actual=len(data),
            )
        if not isinstance(data, list):
            return super().to_internal_value(data)
        return [self._checked(index, item) for index, item in enumerate(data)]

    def _checked(self, index: int, item: Any) -> Any:
        try:
            return self.run_child_validation(item)
        except serializers.ValidationError as error:
            detail: Any = {index: error.detail}
            raise serializers.ValidationError(detail) from error


class ImageReferenceRequest(serializers.Serializer[Any]):
    class Meta:
        list_serializer_class = _CountedFirst

    id = serializers.CharField(max_length=64)
    uploadPath = serializers.CharField(max_length=300)
    originalFilename = serializers.CharField(required=False, allow_blank=True, max_length=1000)


class AnalyzeRequest(serializers.Serializer[Any]):
    sessionId = serializers.CharField(required=False, max_length=64, help_text="Where given, the one in the path.")
    images = ImageReferenceRequest(many=True)
    options = OptionsField()


class AnalyzeSingleRequest(serializers.Serializer[Any]):
    sessionId = serializers.CharField(required=False, max_length=64, help_text="Where given, the one in the path.")
    image = ImageReferenceRequest()
    options = OptionsField()
