"""Data of an export's events."""

from typing import Any

from rest_framework import serializers

from forge.api.event_serializers import CompleteEventSerializer, ProgressEventSerializer
from forge.api.results import VariantSerializer


class ExportProgressEventSerializer(ProgressEventSerializer):
    """An image's export begins; `current` counts 1…total in that order."""

    step = serializers.ChoiceField(choices=["export"])


class ExportResultEventSerializer(serializers.Serializer[Any]):
    """An image was exported."""

    jobId = serializers.CharField()
    imageId = serializers.CharField()
    variants = VariantSerializer(many=True)


class ExportedImageSerializer(serializers.Serializer[Any]):
    """The files of one image."""

    imageId = serializers.CharField()
    variants = VariantSerializer(many=True)


class ExportCompleteEventSerializer(CompleteEventSerializer):
    """Every image of the export ended; `results` has those that succeeded."""

    results = ExportedImageSerializer(many=True)
