"""JSON shape of a family of models: what its analyses can do."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from forge.operations import families
from forge.options import FAMILIES, OPTIONS, Family

# A family for tests and demonstrations, which is named where it is loaded.
_SCRIPTED = "scripted"


@extend_schema_field({"type": "object", "additionalProperties": {"type": "object"}})
class _OptionsField(serializers.DictField):
    """By name, each with its bounds as a JSON schema."""


class FamilySerializer(serializers.Serializer[Any]):
    family = serializers.ChoiceField(choices=list(FAMILIES))
    loaded = serializers.BooleanField(help_text="Whether a worker runs it.")
    models = serializers.ListField(child=serializers.CharField(), help_text="Name and revision of what workers run.")
    languages = serializers.ListField(child=serializers.CharField(), help_text="Language tags (BCP 47).")
    anyRegion = serializers.BooleanField(help_text="Whether the languages may have a region or script: `pt-BR`.")
    options = _OptionsField(help_text="By name, each with its bounds as a JSON schema.")


def family_representations() -> list[dict[str, Any]]:
    loaded = {family.name for family in families.loaded_families()}
    models = families.loaded_models()
    shown = [family for family in FAMILIES.values() if family.name != _SCRIPTED or family.name in loaded]
    return [_representation(family, models.get(family.name, []), is_loaded=family.name in loaded) for family in shown]


def _representation(family: Family, models: list[str], *, is_loaded: bool) -> dict[str, Any]:
    return {
        "family": family.name,
        "loaded": is_loaded,
        "models": models,
        "languages": list(family.languages),
        "anyRegion": family.any_region,
        "options": {name: dict(OPTIONS[name].schema) for name in family.options},
    }
