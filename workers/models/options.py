"""Options of an analysis for the models. The service sets `gender_neutral`; requests cannot set any yet."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`language`: a BCP 47 tag; `alt_max_length` in characters; None: the limit of the models.

    `context` and the keywords are a caller's data: they never change the instructions of a model.
    """

    language: str = "en"
    context: str = ""
    keywords: tuple[str, ...] = ()
    excluded_keywords: tuple[str, ...] = ()
    alt_max_length: int | None = None
    tag_count: int | None = None
    gender_neutral: bool = True

    @property
    def is_english(self) -> bool:
        return self.language.partition("-")[0].lower() == "en"
