"""Bodies of the requests that export images."""

from typing import Any

from rest_framework import serializers

from forge.api.analyze_requests import ImageReferenceRequest
from forge.jobs.exports import ExportSettings

# workers/imaging/variants.py makes them; a test compares.
FORMATS = ("webp", "avif", "jpeg", "png", "original")
PRESETS = ("maximum", "very_high", "high", "medium", "low", "minimum")
RESPONSIVE_WIDTHS = (480, 768, 1024, 1440)
MOST_SIZES = 10


class ResponsiveSizeRequest(serializers.Serializer[Any]):
    width = serializers.IntegerField(min_value=16, max_value=16_383, help_text="Pixels.")


class ExportSettingsRequest(serializers.Serializer[Any]):
    format = serializers.ChoiceField(
        choices=FORMATS,
        default="webp",
        help_text="`original`: JPEG, PNG, WebP and AVIF stay that; others become JPEG, or PNG with transparency.",
    )
    preset = serializers.ChoiceField(choices=PRESETS, default="high", help_text="Quality, the best first.")
    responsive = serializers.BooleanField(
        required=False, help_text=f"Also at smaller widths: {', '.join(map(str, RESPONSIVE_WIDTHS))}, or those given."
    )
    responsiveSizes = serializers.ListField(
        child=ResponsiveSizeRequest(),
        required=False,
        max_length=MOST_SIZES,
        help_text="Widths that the image does not exceed are left out.",
    )


class ExportRequest(serializers.Serializer[Any]):
    sessionId = serializers.CharField(required=False, max_length=64, help_text="Where given, the one in the path.")
    images = ImageReferenceRequest(many=True)
    settings = ExportSettingsRequest(required=False)


def export_settings(validated: dict[str, Any]) -> ExportSettings:
    """Return the settings of a validated request as they are stored."""
    given = validated.get("settings", {})
    sizes = [size["width"] for size in given.get("responsiveSizes", ())]
    is_responsive = given.get("responsive", bool(sizes))
    widths = sorted(set(sizes or RESPONSIVE_WIDTHS)) if is_responsive else []
    return {"format": given.get("format", "webp"), "preset": given.get("preset", "high"), "widths": widths}
