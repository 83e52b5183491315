"""JSON shapes of docs/api-contract.md: requests (…Request) and responses."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from forge.api.options import OptionsField
from forge.api.provenance import ProvenanceField
from forge.api.results import RESULT_FIELDS, ResultSerializer, StoredResultSerializer, VariantSerializer
from forge.jobs.events import METADATA_FIELDS
from forge.models import CreditEntry, Image, ImageAnalysis, Job, Session


class OptionalFieldsSerializer(serializers.Serializer[Any]):
    """Omit the fields named in `optional` where they are empty."""

    optional: tuple[str, ...] = ()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        return {key: value for key, value in shown.items() if key not in self.optional or value not in (None, "")}


# --- Sessions ---------------------------------------------------------------------------------------------------------


class UploadRequest(serializers.Serializer[Any]):
    """A multipart form in which the field is repeated."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"images[]": serializers.ListField(child=serializers.FileField(), min_length=1)}


class ImageSerializer(serializers.Serializer[Image]):
    id = serializers.CharField()
    originalFilename = serializers.CharField(source="original_filename")
    size = serializers.IntegerField(help_text="Bytes.")
    width = serializers.IntegerField(help_text="Pixels, upright.")
    height = serializers.IntegerField(help_text="Pixels, upright.")
    uploadPath = serializers.CharField(source="upload_path", help_text="An opaque handle; send it to analyze.")


class UploadedSessionSerializer(serializers.Serializer[Session]):
    """A session with the images that a request uploaded."""

    sessionId = serializers.CharField(source="id")
    createdAt = serializers.DateTimeField(source="created_at")
    expiresAt = serializers.DateTimeField(source="expires_at")
    images = ImageSerializer(many=True)


class SessionSerializer(UploadedSessionSerializer):
    """A session with a page of its images."""

    images = ImageSerializer(many=True, source="page")
    nextCursor = serializers.CharField(
        source="next_cursor", allow_null=True, help_text="Send it as `cursor` to the session for its next images."
    )


IMAGE_STATES = ["uploaded", *ImageAnalysis.Status.values]


class _LatestAnalysisSerializer(serializers.Serializer[Image]):
    version = serializers.IntegerField(help_text="Counts the changes of the metadata; send it with a correction.")
    edited = serializers.SerializerMethodField()
    status = serializers.SerializerMethodField()
    jobId = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=METADATA_FIELDS)))
    def get_edited(self, image: Image) -> list[str]:
        """Fields that hold a person's words."""
        return image.edited or []

    def get_status(self, image: Image) -> str:
        return self._latest(image, "status") or "uploaded"

    def get_jobId(self, image: Image) -> str:
        return self._latest(image, "job_id")

    @staticmethod
    def _latest(image: Image, field: str) -> str:
        return next((str(getattr(analysis, field)) for analysis in image.analyses.all()), "")


class ImageStateSerializer(
    OptionalFieldsSerializer, ImageSerializer, _LatestAnalysisSerializer, StoredResultSerializer
):
    """One image with the state of its latest analysis and its latest result."""

    optional: tuple[str, ...] = (*RESULT_FIELDS, "error", "code", "jobId")

    error = serializers.SerializerMethodField()
    code = serializers.SerializerMethodField()

    def get_error(self, image: Image) -> str:
        return self._latest(image, "error")

    def get_code(self, image: Image) -> str:
        return self._latest(image, "code")


# --- Analysis ---------------------------------------------------------------------------------------------------------


class SingleResultSerializer(ResultSerializer):
    """The image succeeded."""

    imageId = serializers.CharField()
    jobId = serializers.CharField()
    creditsRemaining = serializers.IntegerField()


class _AnalysisStateSerializer(serializers.Serializer[ImageAnalysis]):
    imageId = serializers.CharField(source="image_id")
    status = serializers.ChoiceField(choices=ImageAnalysis.Status.values)


class AnalysisSerializer(OptionalFieldsSerializer, _AnalysisStateSerializer, StoredResultSerializer):
    """One image of a job."""

    optional = (*RESULT_FIELDS, "variants", "error", "code", "provenance")

    variants = VariantSerializer(many=True, required=False, help_text="Of an export.")
    error = serializers.CharField(required=False)
    code = serializers.CharField(required=False)
    provenance = ProvenanceField(required=False, help_text="With `?include=provenance`.")

    def to_representation(self, instance: ImageAnalysis) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if "provenance" not in self.context.get("include", ()):  # a view passes it as `context`
            shown.pop("provenance", None)
        return shown


class JobSummarySerializer(serializers.Serializer[Job]):
    """A job without its images."""

    jobId = serializers.CharField(source="id")
    sessionId = serializers.CharField(source="session_id")
    action = serializers.ChoiceField(choices=Job.Action.choices)
    status = serializers.ChoiceField(choices=Job.Status.choices)
    total = serializers.IntegerField()
    processed = serializers.IntegerField(help_text="Images that ended: succeeded, failed or cancelled.")
    createdAt = serializers.DateTimeField(source="created_at")
    finishedAt = serializers.DateTimeField(source="finished_at", allow_null=True)


class JobSerializer(JobSummarySerializer):
    images = AnalysisSerializer(many=True, source="analyses")


# --- Credits ----------------------------------------------------------------------------------------------------------


class BalanceSerializer(serializers.Serializer[Any]):
    balance = serializers.IntegerField()
    accountId = serializers.CharField(source="pk")


class CheckRequest(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=Job.Action.choices)
    imageCount = serializers.IntegerField(min_value=1, max_value=1_000_000)
    options = OptionsField()


class CheckSerializer(serializers.Serializer[Any]):
    sufficient = serializers.BooleanField()
    balance = serializers.IntegerField()
    cost = serializers.IntegerField(help_text="One credit for each image and language.")
    languages = serializers.IntegerField(required=False, help_text="Of each image, where it is more than one.")
    remaining = serializers.IntegerField()


class CreditEntrySerializer(OptionalFieldsSerializer, serializers.Serializer[CreditEntry]):
    optional = ("jobId", "imageId", "language", "note")

    amount = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=CreditEntry.Kind.values)
    jobId = serializers.CharField(source="job_id", required=False)
    imageId = serializers.CharField(source="image_id", required=False)
    language = serializers.CharField(required=False, help_text="Of the charge or refund of a translation.")
    note = serializers.CharField(required=False)
    createdAt = serializers.DateTimeField(source="created_at")


# --- Service ----------------------------------------------------------------------------------------------------------


class ErrorSerializer(serializers.Serializer[Any]):
    """The members of every error; some errors have more, such as `balance` and `required`."""

    error = serializers.CharField(help_text="A plain sentence.")
    code = serializers.CharField()
    requestId = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok"])
