"""Secrets in one text, and in lines that belong together."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from workers.english.secrets.labelled import ends_with_separator, has_labelled_value, is_label, starts_word_list
from workers.english.secrets.numbers import has_private_number
from workers.english.secrets.tokens import has_token

_DASHES = re.compile("[\u2010-\u2015\u2212]")
_AT = r"(?:@|\(at\)|\[at\]|\{at\}|[©®])"
_DOT = r"(?:\.|\(dot\)|\[dot\]| dot )"
_EMAIL = re.compile(
    rf"(?i)[\w.+-]*\w\s?{_AT}\s?[a-z0-9][a-z0-9-]*(?:\s?{_DOT}\s?[a-z0-9-]+)*\s?{_DOT}\s?[a-z]{{2,}}"
    r"|[\w.+-]{2,}@[a-z][a-z0-9-]{2,}"
    r"|[\w.+-]+ at [a-z0-9-]+ dot [a-z]{2,}"
    r"|[\w.+-]{3,}(?:gmail|hotmail|outlook|yahoo|icloud|protonmail|gmx|aol) ?\. ?(?:com|de|net|fr|co)\b"
)
_URL_SECRET = re.compile(
    r"(?i)://[^/\s]+:[^/\s]+@"
    r"|[?&](?:\w*token|\w*key|sig|signature|password|passwd|pwd|auth|code|secret|session\w*|jwt)=\S"
)
_MAX_FRAGMENTS = 4
# Of a value below its label, in heights of the label's line.
_MAX_GAP_HEIGHTS = 2.5


class Line(Protocol):
    """A line of text with its box in shares of the image's size, such as workers.models.evidence.TextLine."""

    @property
    def text(self) -> str: ...
    @property
    def left(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def bottom(self) -> float: ...


_L = TypeVar("_L", bound=Line)


def is_secret(text: str) -> bool:
    """Return whether the text contains a password, key, private number, telephone number or e-mail address."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    return bool(
        _EMAIL.search(text)
        or _URL_SECRET.search(text)
        or has_labelled_value(text)
        or has_private_number(text)
        or has_token(text)
    )


def without_secrets(lines: Sequence[_L]) -> list[_L]:
    """Return the lines, in reading order, less those that are secret, alone or beside others.

    Values beside or below their label are left out, lines that only together are a number or an address, private key
    blocks, and everything behind the heading of recovery codes.
    """
    dropped = {number for number, line in enumerate(lines) if is_secret(line.text)}
    dropped.update(_values(lines), _fragments(lines, dropped), _key_block(lines), _word_list(lines))
    return [line for number, line in enumerate(lines) if number not in dropped]


def _values(lines: Sequence[Line]) -> Iterator[int]:
    """Yield the numbers of the lines beside labels, or below those that have none beside them."""
    for label in (line for line in lines if is_label(line.text)):
        others = [number for number, line in enumerate(lines) if not is_label(line.text)]
        beside = [number for number in others if _is_beside(label, lines[number])]
        near = beside or [number for number in others if _is_below(label, lines[number])]
        yield from (number for number in near if ends_with_separator(label.text) or _is_value(lines[number].text))


def _is_value(text: str) -> bool:
    """Return whether a line near a label without colon can be its value: one word, or with a digit."""
    return len(text.split()) == 1 or any(character.isdigit() for character in text)


def _is_beside(label: Line, line: Line) -> bool:
    return line.left >= (label.left + label.right) / 2 and _same_row(label, line)


def _is_below(label: Line, line: Line) -> bool:
    height = label.bottom - label.top
    gap = line.top - label.bottom
    overlaps = line.left < label.right and line.right > label.left
    return overlaps and -height / 2 <= gap <= _MAX_GAP_HEIGHTS * height and line.top > label.top


def _same_row(one: Line, other: Line) -> bool:
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap * 2 >= min(one.bottom - one.top, other.bottom - other.top)


def _fragments(lines: Sequence[Line], dropped: set[int]) -> Iterator[int]:
    """Yield the numbers of lines in a row that are a secret together and harmless alone: "4111 1111", "1111 1111"."""
    found = set(dropped)
    for count in range(2, _MAX_FRAGMENTS + 1):
        for start in range(len(lines) - count + 1):
            numbers = range(start, start + count)
            window = [lines[number] for number in numbers]
            if found.intersection(numbers) or not all(_same_row(window[0], line) for line in window[1:]):
                continue
            if is_secret(" ".join(line.text for line in window)):
                more = _digits_behind(lines, numbers.stop)
                found.update(numbers, more)
                yield from (*numbers, *more)


def _digits_behind(lines: Sequence[Line], start: int) -> list[int]:
    """Return the numbers of the lines from `start` that go on with digits in the same row."""
    more = itertools.takewhile(
        lambda number: lines[number].text.isdigit() and _same_row(lines[start - 1], lines[number]),
        range(start, len(lines)),
    )
    return list(more)


def _key_block(lines: Sequence[Line]) -> Iterator[int]:
    """Yield the numbers of the lines from BEGIN to END of a key, or to the end."""
    inside = False
    for number, line in enumerate(lines):
        inside = inside or bool(re.search(r"BEGIN [A-Z ]*(?:KEY|MESSAGE)", line.text))
        if inside:
            yield number
        inside = inside and "END " not in line.text


def _word_list(lines: Sequence[Line]) -> Iterator[int]:
    start = next((number for number, line in enumerate(lines) if starts_word_list(line.text)), len(lines))
    yield from range(start + 1, len(lines))
