"""Options of an analysis for the models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class FileText:
    """Text that came with the image in its file: data, as the caller's context."""

    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    place: str = ""

    def __bool__(self) -> bool:
        return bool(self.title or self.caption or self.keywords or self.place)


NO_FILE_TEXT = FileText()


@dataclass(frozen=True, slots=True)
class Options:
    """`language`: a BCP 47 tag; `translations`: tags of further ones; `fields`: empty for all; `alt_max_length` in
    characters; None: the limit of the models.

    `context`, the keywords and `file_text` are others' data: they never change the instructions of a model.
    `decorative`: whether an image may be judged to carry no content; `use_file_text`: whether `file_text` is read.
    """

    language: str = "en"
    translations: tuple[str, ...] = ()
    context: str = ""
    keywords: tuple[str, ...] = ()
    excluded_keywords: tuple[str, ...] = ()
    alt_max_length: int | None = None
    tag_count: int | None = None
    gender_neutral: bool = True
    fields: tuple[str, ...] = ()
    decorative: bool = False
    use_file_text: bool = False
    file_text: FileText = NO_FILE_TEXT

    @classmethod
    def of(cls, requested: Mapping[str, Any], *, gender_neutral: bool) -> Self:
        """Return checked options by the names of docs/api-contract.md; `gender_neutral` where they do not say."""
        return cls(
            language=requested.get("language") or next(iter(requested.get("languages", ())), "en"),
            translations=tuple(requested.get("languages", ())[1:]),
            context=requested.get("context", ""),
            keywords=tuple(requested.get("keywords", ())),
            excluded_keywords=tuple(requested.get("excludedKeywords", ())),
            alt_max_length=requested.get("altMaxLength"),
            tag_count=requested.get("tagCount"),
            gender_neutral=requested.get("genderNeutral", gender_neutral),
            fields=tuple(requested.get("fields", ())),
            decorative=requested.get("decorative") == "auto",
            use_file_text=requested.get("useEmbedded", False),
        )

    @property
    def is_english(self) -> bool:
        return self.language.partition("-")[0].lower() == "en"

    @property
    def wanted_keywords(self) -> tuple[str, ...]:
        """Return the request's keywords, then those of the file."""
        return tuple(dict.fromkeys((*self.keywords, *self.file_text.keywords)))

    @property
    def given_text(self) -> str:
        """Return all the text that others gave, which no field may copy."""
        given = (self.context, self.file_text.title, self.file_text.caption, self.file_text.place)
        return " ".join(text for text in given if text)
