"""JSON shape of a family of models: what its analyses can do."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analysis_options import FAMILIES, OPTIONS, Family
from forge.operations import families

# A family for tests and demonstrations, which is named where it is loaded.
_SCRIPTED = "scripted"


@extend_schema_field({"type": "object", "additionalProperties": {"type": "object"}})
class _OptionsField(serializers.DictField):
    """By name, each with its bounds as a JSON schema."""


class FamilySerializer(serializers.Serializer[Any]):
    family = serializers.CharField(help_text=f"{', '.join(FAMILIES)}, or one of a later version.")
    loaded = serializers.BooleanField(help_text="Whether a worker runs it.")
    models = serializers.ListField(child=serializers.CharField(), help_text="Name and revision of what workers run.")
    languages = serializers.ListField(child=serializers.CharField(), help_text="Language tags (BCP 47).")
    anyRegion = serializers.BooleanField(help_text="Whether the languages may have a region or script: `pt-BR`.")
    options = _OptionsField(help_text="By name, each with its bounds as a JSON schema.")


def family_representations() -> list[dict[str, Any]]:
    running = {family.name: family for family in families.loaded_families()}
    models = families.loaded_models()
    listed = {name: family for name, family in FAMILIES.items() if name != _SCRIPTED} | running
    return [_representation(family, models.get(name, []), is_loaded=name in running) for name, family in listed.items()]


def _representation(family: Family, models: list[str], *, is_loaded: bool) -> dict[str, Any]:
    return {
        "family": family.name,
        "loaded": is_loaded,
        "models": models,
        "languages": list(family.languages),
        "anyRegion": family.any_region,
        "options": {name: dict(OPTIONS[name].schema) for name in family.options},
    }
