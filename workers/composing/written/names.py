"""Names of people and places in English sentences: only those that the caller's context gives."""

import re

from workers.english.anonymize import anonymize
from workers.english.gender_neutral import gender_neutral
from workers.english.grammar import capitalize_first
from workers.models.options import Options

_NAME = re.compile(r"\b[^\W\d_a-z][\w'\u2019-]*(?:\s+(?:(?:of|de|van|von|the)\s+)?[^\W\d_a-z][\w'\u2019-]*)*")
_QUOTED = re.compile('"[^"]*"|“[^”]*”')
_PLACEHOLDER = re.compile("\ue000(\\d+)\ue001")
# Capitalized in English without naming anyone.
_COMMON = frozenset(
    ("I", "TV", "LED", "USB", "ID", "DNA", "QR", "PDF", "SUV", "DJ", "BBQ", "T-shirt", "X-ray", "V-neck")
)
_DAYS = frozenset(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Christmas", "Easter",
                   "Halloween", "January", "February", "March", "April", "May", "June", "July", "August", "September",
                   "October", "November", "December"))  # fmt: skip


def given_names(options: Options) -> tuple[str, ...]:
    """Return the capitalized names of context and file, and the keywords themselves, longest first."""
    found = set(_NAME.findall(options.given_text)) | set(options.wanted_keywords)
    found |= {word for name in found for word in name.split() if word[:1].isupper() and len(word) > 2}
    return tuple(sorted(found, key=len, reverse=True))


def without_guessed_names(sentence: str, given: tuple[str, ...], *, gender_neutral_people: bool) -> str:
    """Anonymize a sentence, except for what is given and for quoted text."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\ue000{len(kept) - 1}\ue001"

    text = _QUOTED.sub(keep, sentence)
    if given:
        text = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, given))})(?!\w)", keep, text, flags=re.IGNORECASE)
    text = anonymize(text)
    if gender_neutral_people:
        text = gender_neutral(text)
    restored = _PLACEHOLDER.sub(lambda found: kept[int(found[1])], text)
    end = sentence[-1:] if sentence[-1:] in ".!?" and restored[-1:] not in ".!?" else ""
    return capitalize_first(restored) + end


def unexplained_names(sentence: str, given: tuple[str, ...]) -> list[str]:
    """Return capitalized words inside an English sentence that neither context nor quoted text has."""
    text = _QUOTED.sub("", sentence)
    known = {word.lower() for name in given for word in name.split()}
    words = re.findall(r"[\w'\u2019-]+", text)[1:]
    return [
        word
        for word in words
        if word[:1].isupper() and word.lower() not in known and word not in _COMMON | _DAYS and not word.isupper()
    ]
