"""Spell a text as a region of English does; quoted text and words that others gave stay as they are."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from analysis_options.languages import AMERICAN, BRITISH, ENGLISH

_FILE = Path(__file__).with_name("spellings.tsv")
_QUOTED = re.compile(r"(\"[^\"]*\"|\u201c[^\u201d]*\u201d)")
_WORD = re.compile(r"[^\W\d_]+")


class Spelling(NamedTuple):
    """`is_canadian`: Canada spells as Britain; `stays`: the British spelling is American, too."""

    american: str
    british: str
    is_canadian: bool
    stays: bool


def respell(text: str, language: str, kept: Collection[str] = ()) -> str:
    """Return the text in the spelling of a tag of ENGLISH; of another tag as it is.

    `kept`: words in lower case whose spelling stays, beside those in double quotes.
    """
    convention = ENGLISH.get(language)
    if convention is None:
        return text
    if _first_words(convention).isdisjoint(_WORD.findall(text.lower())):
        return text  # in a hundredth of the time of the pattern
    pattern, spelled = _pattern(), _spellings(convention)

    def spell(found: re.Match[str]) -> str:
        word = found[0].lower().replace(" ", "-")
        if word not in spelled or any(part in kept for part in _WORD.findall(word)):
            return found[0]
        return _cased(spelled[word], found[0])

    parts = _QUOTED.split(text)
    return "".join(part if at % 2 else pattern.sub(spell, part) for at, part in enumerate(parts))


@lru_cache(4096)
def spellings_of(word: str) -> frozenset[str]:
    """Return the spellings of a word in lower case: itself, and the others there are."""
    return frozenset({word, *(_spellings(convention).get(word, word) for convention in (AMERICAN, BRITISH))})


def _cased(spelling: str, like: str) -> str:
    """Return the spelling with the capital letters, spaces and hyphens of the text that it replaces."""
    parts, models = spelling.split("-"), re.split(r"[ -]", like)
    between = re.findall(r"[ -]", like)
    cased = [_capitals(model)(part) for part, model in zip(parts, models, strict=True)]
    return cased[0] + "".join(mark + part for mark, part in zip(between, cased[1:], strict=True))


def _capitals(model: str) -> Callable[[str], str]:
    if model.isupper() and len(model) > 1:
        return str.upper
    return str.capitalize if model[0].isupper() else str


@cache
def _spellings(convention: str) -> Mapping[str, str]:
    """Return by each word in lower case how a convention spells it; words of two parts have a hyphen."""
    found: dict[str, str] = {}
    for one in spelling_table():
        if convention == BRITISH or (convention != AMERICAN and one.is_canadian):
            found[one.american] = one.british
        elif not one.stays:
            found[one.british] = one.american
    return found


@cache
def _first_words(convention: str) -> frozenset[str]:
    """Return the words that a convention spells in another way; of two parts, the first."""
    return frozenset(word.partition("-")[0] for word in _spellings(convention))


@cache
def _pattern() -> re.Pattern[str]:
    """Return one pattern of the names with one spelling, the table's words of two parts, and any other word."""
    fixed = [line[1:].strip() for line in _lines() if line.startswith("=")]
    double = [word for one in spelling_table() for word in (one.american, one.british) if "-" in word]
    names = "|".join(re.escape(name).replace(r"\ ", "[ -]").replace(r"\-", "[ -]") for name in [*fixed, *double])
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)|{_WORD.pattern}", re.IGNORECASE)


@cache
def spelling_table() -> tuple[Spelling, ...]:
    """Return the words of spellings.tsv with each of their endings, in lower case; a hyphen between two words."""
    return tuple(one for line in _lines() if not line.startswith("=") for one in _parsed(line))


def _lines() -> list[str]:
    lines = _FILE.read_text(encoding="ascii").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _parsed(line: str) -> Iterator[Spelling]:
    american, british, endings, *marks = line.replace(" ", "-").split("\t")
    for ending in endings.split(","):
        suffix = "" if ending == "-" else ending
        marked = marks[0].split("-") if marks else []
        yield Spelling(american + suffix, british + suffix, "CA" in marked, "US" in marked)
