"""Options of an analysis, as the request, the account and the server resolved them: plain values for the models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIELDS = ("title", "alt", "caption", "description", "filename", "seoTags")


@dataclass(frozen=True, slots=True)
class Options:
    """`language`: a BCP 47 tag; `alt_max_length` in characters; None: the limit of the models. `fields`: of FIELDS.

    `context` and the keywords are a caller's data: they never change the instructions of a model.
    """

    language: str = "en"
    context: str = ""
    keywords: tuple[str, ...] = ()
    excluded_keywords: tuple[str, ...] = ()
    alt_max_length: int | None = None
    tag_count: int | None = None
    fields: tuple[str, ...] = FIELDS
    gender_neutral: bool = True

    @property
    def is_english(self) -> bool:
        return self.language.partition("-")[0].lower() == "en"

    @classmethod
    def of(cls, resolved: Mapping[str, Any], *, gender_neutral: bool = True) -> "Options":
        """Return the options of a job's resolved JSON, whose names are those of docs/api-contract.md.

        `gender_neutral`: of the service, where the job has none.
        """
        return cls(
            language=resolved.get("language", "en"),
            context=resolved.get("context", ""),
            keywords=_texts(resolved.get("keywords", ())),
            excluded_keywords=_texts(resolved.get("excludedKeywords", ())),
            alt_max_length=resolved.get("altMaxLength"),
            tag_count=resolved.get("tagCount"),
            fields=_texts(resolved.get("fields", FIELDS)),
            gender_neutral=resolved.get("genderNeutral", gender_neutral),
        )


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(values)
