"""The words that a file can hold, and their names in XMP."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

DC = "http://purl.org/dc/elements/1.1/"
PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
# A namespace of ours: no other program knows it, and XMP requires of its address only that it is unique.
FORGE = "urn:image-forge:xmp:1.0#"
DEFAULT_LANGUAGE = "x-default"


class Field(StrEnum):
    TITLE = "title"
    HEADLINE = "headline"
    DESCRIPTION = "description"
    ALT = "alt"
    EXTENDED_DESCRIPTION = "extendedDescription"
    KEYWORDS = "keywords"


class Form(StrEnum):
    """How XMP holds a value: a text, a text for each language (rdf:Alt), or a list (rdf:Bag)."""

    TEXT = "Text"
    LANGUAGE_ALTERNATIVES = "Alt"
    BAG = "Bag"


class Property(NamedTuple):
    namespace: str
    prefix: str
    name: str
    form: Form


# IPTC Photo Metadata Standard 2021.1 names the two accessibility properties.
PROPERTIES = {
    Field.TITLE: Property(DC, "dc", "title", Form.LANGUAGE_ALTERNATIVES),
    Field.HEADLINE: Property(PHOTOSHOP, "photoshop", "Headline", Form.TEXT),
    Field.DESCRIPTION: Property(DC, "dc", "description", Form.LANGUAGE_ALTERNATIVES),
    Field.ALT: Property(IPTC_CORE, "Iptc4xmpCore", "AltTextAccessibility", Form.LANGUAGE_ALTERNATIVES),
    Field.EXTENDED_DESCRIPTION: Property(
        IPTC_CORE, "Iptc4xmpCore", "ExtDescrAccessibility", Form.LANGUAGE_ALTERNATIVES
    ),
    Field.KEYWORDS: Property(DC, "dc", "subject", Form.BAG),
}
FIELD_OF = {(known.namespace, known.name): name for name, known in PROPERTIES.items()}

Texts = Mapping[Field, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Words:
    """`texts`: by field, then by language (`x-default` for the only one)."""

    texts: Texts = field(default_factory=dict)
    keywords: tuple[str, ...] = ()

    def text(self, name: Field) -> str:
        """Return the text in the default language, else in the first; empty without one."""
        languages = self.texts.get(name, {})
        return languages.get(DEFAULT_LANGUAGE) or next(filter(None, languages.values()), "")

    def __bool__(self) -> bool:
        return bool(self.keywords) or any(map(self.text, self.texts))


@dataclass(frozen=True, slots=True)
class Record:
    """Which model wrote a field, when (RFC 3339), how sure of it, and by digest and length what it wrote.

    `keywords` are those that the model added; digest and length are those of a text.
    """

    field: Field
    language: str
    model: str
    time: str
    confidence: float | None = None
    digest: str = ""
    length: int = 0
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """`confidence`: by field, where the model has one. `persons`: the fields that a person wrote, not the model."""

    model: str
    time: str
    confidence: Mapping[Field, float] = field(default_factory=dict)
    persons: frozenset[Field] = frozenset()


# The names of the fields in a result's metadata (docs/api-contract.md).
METADATA_NAMES = {
    Field.TITLE: "title",
    Field.HEADLINE: "title",
    Field.DESCRIPTION: "caption",
    Field.ALT: "alt",
    Field.EXTENDED_DESCRIPTION: "description",
    Field.KEYWORDS: "seoTags",
}


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def words_of_metadata(
    metadata: Mapping[str, Any], translations: Mapping[str, Mapping[str, Any]] | None = None
) -> Words:
    """Return the words of a result's metadata (docs/api-contract.md); `translations` by language tag.

    `caption` becomes dc:description, which galleries show below an image; `description` the extended description.
    """
    results = {DEFAULT_LANGUAGE: metadata, **(translations or {})}
    texts = {
        name: {language: result[key] for language, result in results.items() if result.get(key)}
        for name, key in METADATA_NAMES.items()
        if name is not Field.KEYWORDS
    }
    texts[Field.HEADLINE] = {
        language: text for language, text in texts[Field.HEADLINE].items() if language == DEFAULT_LANGUAGE
    }
    found: Texts = {name: values for name, values in texts.items() if values}
    return Words(texts=found, keywords=tuple(metadata.get("seoTags", ())))
