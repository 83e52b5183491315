"""JSON shapes of the events of a job's stream."""

from typing import Any

from rest_framework import serializers

from forge.api.results import ResultSerializer


class ProgressEventSerializer(serializers.Serializer[Any]):
    """An image's analysis begins; `current` counts 1…total in that order."""

    jobId = serializers.CharField()
    imageId = serializers.CharField()
    status = serializers.ChoiceField(choices=["processing"])
    current = serializers.IntegerField()
    total = serializers.IntegerField()


class _ImageOfJobSerializer(serializers.Serializer[Any]):
    jobId = serializers.CharField()
    imageId = serializers.CharField()


class ResultEventSerializer(_ImageOfJobSerializer, ResultSerializer):
    """An image succeeded."""


class ErrorEventSerializer(serializers.Serializer[Any]):
    """An image failed, or was cancelled before it began (`cancelled`); its credit was refunded; the others go on."""

    jobId = serializers.CharField()
    imageId = serializers.CharField()
    error = serializers.CharField()
    code = serializers.CharField()


class CompleteEventSerializer(serializers.Serializer[Any]):
    """Every image ended; the server closes the stream."""

    jobId = serializers.CharField()
    status = serializers.ChoiceField(choices=["complete", "partial", "failed", "cancelled"])
    processed = serializers.IntegerField()
    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    creditsCharged = serializers.IntegerField()
    creditsRefunded = serializers.IntegerField()
