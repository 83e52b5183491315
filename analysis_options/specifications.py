"""Each option's bounds, as the JSON schema that documents it, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis_options.languages import MAX_LENGTH

DEFAULT_LANGUAGE = "en"
FIELDS = ("title", "alt", "caption", "description", "filename", "seoTags")
MAX_CONTEXT = 1_000  # characters
MAX_KEYWORDS = 30
MAX_LANGUAGES = 10
MAX_KEYWORD = 60
_LANGUAGE = {"type": "string", "minLength": 2, "maxLength": MAX_LENGTH, "examples": ["en", "de", "pt-BR"]}
_KEYWORDS = {
    "type": "array",
    "maxItems": MAX_KEYWORDS,
    "items": {"type": "string", "minLength": 1, "maxLength": MAX_KEYWORD},
}
_KEYWORDS_ACCEPTED = f"a list of up to {MAX_KEYWORDS} texts of 1 to {MAX_KEYWORD} characters"


@dataclass(frozen=True)
class Option:
    """`schema`: JSON schema with a description; `accepted`: the same bounds in words, for errors."""

    schema: Mapping[str, Any]
    accepted: str


def _option(schema: Mapping[str, Any], accepted: str, description: str) -> Option:
    return Option({**schema, "description": description}, accepted)


OPTIONS: dict[str, Option] = {
    "language": _option(
        _LANGUAGE, "a language tag of BCP 47, as en, de or pt-BR", "Of the words (BCP 47). English by default."
    ),
    "languages": _option(
        {"type": "array", "minItems": 1, "maxItems": MAX_LANGUAGES, "uniqueItems": True, "items": _LANGUAGE},
        f"a list of 1 to {MAX_LANGUAGES} different language tags of BCP 47",
        "`metadata` in the first, `translations` in the others; one credit for each image and language.",
    ),
    "context": _option(
        {"type": "string", "maxLength": MAX_CONTEXT},
        f"a text of up to {MAX_CONTEXT:,} characters",
        "What the image is about: data for the model, never an instruction.",
    ),
    "keywords": _option(
        _KEYWORDS,
        _KEYWORDS_ACCEPTED,
        "Used where the image agrees with them; the others are in the result's `unusedKeywords`.",
    ),
    "excludedKeywords": _option(_KEYWORDS, _KEYWORDS_ACCEPTED, "Used in no field."),
    "altMaxLength": _option(
        {"type": "integer", "minimum": 40, "maximum": 250}, "a whole number from 40 to 250", "Characters of `alt`."
    ),
    "tagCount": _option(
        {"type": "integer", "minimum": 1, "maximum": 30}, "a whole number from 1 to 30", "At most so many `seoTags`."
    ),
    "fields": _option(
        {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string", "enum": list(FIELDS)}},
        f"a list of at least one of {', '.join(FIELDS)}",
        "The fields to write; the image's others stay as they are. All by default.",
    ),
    "genderNeutral": _option(
        {"type": "boolean"}, "true or false", "Whether people are written about without their gender."
    ),
    "decorative": _option(
        {"type": "string", "enum": ["auto"]},
        '"auto"',
        "The models may find that an image carries no content: `alt` is then empty, and the result `decorative`.",
    ),
    "useEmbedded": _option(
        {"type": "boolean"}, "true or false", "Whether caption, title, keywords and place in the file are context."
    ),
    "overwriteEdits": _option(
        {"type": "boolean"}, "true or false", "Whether fields that a person edited are written anew."
    ),
}


def options_schema() -> dict[str, Any]:
    """Return the JSON schema of the object `options`."""
    properties = {name: dict(option.schema) for name, option in OPTIONS.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def language_of(options: Mapping[str, Any] | None) -> str:
    """Return the tag of the metadata's language, the first of several."""
    asked = options or {}
    return str(asked.get("language") or next(iter(asked.get("languages", ())), DEFAULT_LANGUAGE))


def translations_of(options: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the languages beside the first, each of which costs a credit of its own."""
    return tuple((options or {}).get("languages", ())[1:])
