"""Order lines of text, join them into phrases, and choose what to quote. Pure functions of text and boxes."""

import itertools
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from workers.models.evidence import TextLine

_MAX_HEADLINE_WORDS, _MAX_HEADLINE_CHARACTERS = 12, 80
_MAX_WORDS = 12
# Columns hold running text: a column of prices or axis labels is read row by row.
_MIN_COLUMN_LINES, _MIN_COLUMN_CHARACTERS = 2, 12
# In heights of a line: the gap between columns, between lines of a block, between words of a row.
_COLUMN_GAP, _LINE_GAP, _WORD_GAP = 1.0, 0.9, 1.2
_SAME_HEIGHT = 1.5
_HEADING = 1.3
# Of a heading's characters: "27 Star 58 Fork 39" is none.
_MIN_LETTERS = 0.8
# Text at the bottom counts as this much smaller than text at the top.
_TOP_PREFERENCE = 0.35
# Small print: below this share of the largest text's height.
_SMALL_PRINT = 0.2
_CJK = r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
_TOKEN = re.compile(rf"{_CJK}|(?:(?!{_CJK})\S)+")
# With the CJK full stop, comma, enumeration comma and fullwidth marks.
_MARKS = ".!?;:,\u2026\u3002\uff0c\u3001\uff01\uff1f\uff1b\uff1a"
_LETTER = re.compile(r"[^\W\d_]")
_MIN_HEADLINE_LETTERS = 3
# A number is quoted where it is so much larger than all other text: no label of an axis.
_PROMINENT_NUMBER = 1.2
# More of them are a table or an axis.
_MAX_NUMBERS = 3
# "Bora Bora" is a name.
_REPEATED_WORDS = re.compile(r"(?<!\S)(?:(\S+)(?: \1){2,}|(\S+(?: \S+){1,5}?)(?: \2)+)(?!\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Lines of one block and height, joined. `height`: of its text, as a share of the image's; `top`: of its box."""

    text: str
    height: float
    top: float

    @property
    def prominence(self) -> float:
        return self.height * (1 - _TOP_PREFERENCE * self.top)

    @property
    def is_number(self) -> bool:
        """Whether it has fewer letters than digits. A CJK character counts as two letters."""
        return _count_letters(self.text) <= sum(character.isdigit() for character in self.text)


def text_height(line: TextLine) -> float:
    """Return the height of its characters: the box of slanted and vertical text is higher.

    No font has characters a quarter as wide as high, also in an image twice as wide as high.
    """
    return min(line.height, 4 * (line.right - line.left) / max(1, len(line.text)))


def reading_order(lines: Sequence[TextLine]) -> list[TextLine]:
    """Return the lines by rows from top to bottom, in a row from left to right; columns of text one after the other."""
    if len(lines) < 2:
        return list(lines)
    for parts in (_columns(lines), _blocks(lines)):
        if parts:
            return [line for part in parts for line in reading_order(part)]
    return _rows(lines)


def phrases(lines: Sequence[TextLine]) -> list[Phrase]:
    """Return the phrases of lines in reading order, in the order of their first lines."""
    groups: list[list[TextLine]] = []
    for line in lines:
        group = next((group for group in groups if any(_continues(earlier, line) for earlier in group)), None)
        if group is None:
            groups.append([line])
        else:
            group.append(line)
    return [
        Phrase(_joined(group), statistics.median(map(text_height, group)), min(line.top for line in group))
        for group in groups
    ]


def headline(lines: Sequence[TextLine]) -> str:
    """Return the largest text, as the title of a chart, poster or cover; "" where there is none.

    At most 12 words and 80 characters: larger text than that is no headline. Text near the top is preferred.
    """
    found = _headline(lines)
    return found.text if found else ""


def has_heading(lines: Sequence[TextLine]) -> bool:
    """Return whether the headline is larger than the other text of a page: not a line of it, nor one button of many."""
    found = _headline(lines)
    if found is None or _count_letters(found.text) < _MIN_LETTERS * len(found.text.replace(" ", "")):
        return False
    others = [text_height(line) for line in lines if line.text not in found.text]
    return not others or found.height >= _HEADING * statistics.median(others)


def _headline(lines: Sequence[TextLine]) -> Phrase | None:
    candidates = [
        phrase
        for phrase in phrases(reading_order(lines))
        if not phrase.is_number and _count_letters(phrase.text) >= _MIN_HEADLINE_LETTERS
    ]
    largest = max(candidates, key=lambda phrase: phrase.prominence, default=None)
    if largest is None:
        return None
    fits = count_words(largest.text) <= _MAX_HEADLINE_WORDS and len(largest.text) <= _MAX_HEADLINE_CHARACTERS
    return largest if fits else None


def quotable(lines: Sequence[TextLine], words: int = _MAX_WORDS) -> list[str]:
    """Return the most prominent phrases in reading order, together at most so many words.

    The largest are chosen first; one that is too long is cut at the end of a sentence or clause, else of a word.
    Small print and what is part of another phrase ("oran" of "orange") are left out, numbers too unless they are the
    largest text, and at most _MAX_NUMBERS of them.
    """
    found = phrases(reading_order(lines))
    heights = sorted((phrase.height for phrase in found), reverse=True)
    chosen: dict[int, str] = {}
    for number in sorted(range(len(found)), key=lambda number: -found[number].prominence):
        phrase, rest = found[number], words - sum(map(count_words, chosen.values()))
        if phrase.height < _SMALL_PRINT * heights[0] or any(_is_part(phrase.text, text) for text in chosen.values()):
            continue
        if phrase.is_number and (count_words(phrase.text) > _MAX_NUMBERS or not _is_prominent(phrase, heights)):
            continue
        text = phrase.text if count_words(phrase.text) <= rest else _cut(phrase.text, rest, whole_words=not chosen)
        if text:
            chosen[number] = text
    return [chosen[number] for number in sorted(chosen)]


def _is_part(text: str, whole: str) -> bool:
    """Return whether the text is in another, whatever its capitals, spaces and marks."""
    return (_letters(text) or text) in (_letters(whole) or whole)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _is_prominent(phrase: Phrase, heights: Sequence[float]) -> bool:
    """`heights`: of all phrases, the largest first."""
    return len(heights) == 1 or phrase.height >= _PROMINENT_NUMBER * heights[1]


def _count_letters(text: str) -> int:
    return len(_LETTER.findall(text)) + len(re.findall(_CJK, text))


def count_words(text: str) -> int:
    """Return the number of words; two CJK characters count as one."""
    tokens = _TOKEN.findall(text)
    characters = sum(bool(re.fullmatch(_CJK, token)) for token in tokens)
    return len(tokens) - characters + (characters + 1) // 2


def _cut(text: str, words: int, *, whole_words: bool) -> str:
    """Return the longest start that ends with a sentence or clause; else, with `whole_words`, with a word."""
    ends = [match.end() for match in _TOKEN.finditer(text) if count_words(text[: match.end()]) <= words]
    at_phrase_end = [end for end in ends if text[end - 1] in _MARKS]
    end = max(at_phrase_end, default=max(ends, default=0) if whole_words else 0)
    return text[:end].rstrip(" ,;:\uff0c\u3001\uff1b\uff1a")


def _columns(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Return the two sides of the widest vertical gap between columns of text, or nothing."""
    ordered = sorted(lines, key=lambda line: line.left)
    reach = list(itertools.accumulate((line.right for line in ordered), max))
    gap, cut = max((ordered[number].left - reach[number - 1], number) for number in range(1, len(ordered)))
    sides = [ordered[:cut], ordered[cut:]]
    if gap < _COLUMN_GAP * statistics.median(map(text_height, lines)) or not all(map(_is_column, sides)):
        return []
    return sides if _overlap_vertically(*sides) else []


def _is_column(lines: Sequence[TextLine]) -> bool:
    characters = statistics.mean(2 * len(line.text) - len(re.sub(_CJK, "", line.text)) for line in lines)
    return len(lines) >= _MIN_COLUMN_LINES and characters >= _MIN_COLUMN_CHARACTERS


def _overlap_vertically(one: Sequence[TextLine], other: Sequence[TextLine]) -> bool:
    """Return whether two groups are beside each other for half of the lower one's height."""
    tops = [min(line.top for line in group) for group in (one, other)]
    bottoms = [max(line.bottom for line in group) for group in (one, other)]
    heights = [bottom - top for top, bottom in zip(tops, bottoms, strict=True)]
    return (min(bottoms) - max(tops)) * 2 >= min(heights)


def _blocks(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Return the lines above and below the widest horizontal gap, or nothing."""
    ordered = sorted(lines, key=lambda line: line.top)
    reach = list(itertools.accumulate((line.bottom for line in ordered), max))
    gap, cut = max((ordered[number].top - reach[number - 1], number) for number in range(1, len(ordered)))
    return [ordered[:cut], ordered[cut:]] if gap > 0 else []


def _rows(lines: Sequence[TextLine]) -> list[TextLine]:
    rows: list[list[TextLine]] = []
    for line in sorted(lines, key=lambda line: line.top + line.bottom):
        if rows and _in_same_row(rows[-1][0], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.left)]


def _in_same_row(one: TextLine, other: TextLine) -> bool:
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap * 2 > min(one.height, other.height)


def _continues(line: TextLine, following: TextLine) -> bool:
    """Return whether two lines have the same height and are beside or below each other."""
    small, large = sorted((text_height(line), text_height(following)))
    if large > _SAME_HEIGHT * small:
        return False
    if _in_same_row(line, following):
        return -large <= following.left - line.right <= _WORD_GAP * large
    overlap = min(line.right, following.right) - max(line.left, following.left)
    return overlap > 0 and -large / 2 <= following.top - line.bottom <= _LINE_GAP * large


def _joined(lines: Sequence[TextLine]) -> str:
    """Return the texts with spaces, without those between CJK characters; hyphenated words are joined."""
    text = " ".join(line.text for line in lines)
    text = _REPEATED_WORDS.sub(r"\1\2", re.sub(r"([a-z]{2})- ([a-z]{2})", r"\1\2", text))
    return re.sub(rf"(?<={_CJK}) (?={_CJK})", "", text)
