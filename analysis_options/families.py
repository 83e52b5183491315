"""What each family of models can do with the options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis_options.languages import ENGLISH, PRIMARY, primary_of
from analysis_options.specifications import OPTIONS

_MAX_LISTED = 20


@dataclass(frozen=True)
class Family:
    """`languages`: tags, those of English with the regions that are known. `any_region`: also with regions and scripts.

    `lacking`: options that the family cannot do.
    """

    name: str
    languages: tuple[str, ...] = tuple(ENGLISH)
    any_region: bool = False
    lacking: frozenset[str] = frozenset({"context"})

    @property
    def options(self) -> list[str]:
        return [name for name in OPTIONS if name not in self.lacking]

    def has_language(self, tag: str) -> bool:
        return tag in self.languages or (self.any_region and primary_of(tag) in self.languages)


@dataclass(frozen=True)
class Unsupported:
    """The option that a family cannot do, and in words what it can."""

    option: str
    family: str
    accepted: str


def _writing(name: str) -> Family:
    return Family(name, tuple(sorted(PRIMARY)), any_region=True, lacking=frozenset())


# The embedded captioner and BLIP write English from labels and a small decoder, which read no context. Florence-2, a
# checkpoint of `transformers`, has fixed tasks instead of instructions.
FAMILIES = {
    family.name: family
    for family in (
        Family("embedded"),
        Family("blip-clip"),
        _writing("vision-server"),
        _writing("transformers"),
        Family("florence-2", ("en",), lacking=frozenset({"context", "keywords", "decorative", "useEmbedded"})),
        Family("scripted"),
    )
}


def family_of(models: str) -> Family:
    """Return the family of a value of FORGE_MODELS; `auto` is one of two that can do the same.

    One that is not listed is of a worker of a later version, which writes by a model of its own.
    """
    return FAMILIES.get("embedded" if models == "auto" else models) or _writing(models)


def unsupported_option(options: Mapping[str, Any], family: Family) -> Unsupported | None:
    """Return the first of these options that the family cannot do, if any."""
    for name in options:
        if name in family.lacking and options[name] not in ("", [], False):
            return Unsupported(name, family.name, ", ".join(family.options))
    for name in ("language", "languages"):
        asked = options.get(name, [])
        if not all(map(family.has_language, [asked] if isinstance(asked, str) else asked)):
            return Unsupported(name, family.name, _shown(family.languages))
    return None


def _shown(languages: tuple[str, ...]) -> str:
    return (
        ", ".join(languages) if len(languages) <= _MAX_LISTED else f"{len(languages)} languages, listed at /v1/models"
    )
