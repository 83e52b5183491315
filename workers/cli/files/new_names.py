"""New names of files by a pattern: valid on every system, in any script, free in their folder."""

import argparse
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from workers.cli.output import CaptionRecord

DEFAULT_PATTERN = "{filename}"
_VALUES: Mapping[str, Callable[[CaptionRecord], str]] = {
    "filename": lambda record: record["metadata"]["filename"],
    "title": lambda record: record["metadata"]["title"],
    "kind": lambda record: record["kind"],
    "stem": lambda record: split_name(record["path"])[1],
}
PLACEHOLDERS = tuple(f"{{{name}}}" for name in _VALUES)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MAX_BYTES = 255  # of a name, on most file systems
_SIDECAR, _NUMBER = len(".xmp"), len("-9999999")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
# Half of a letter in several scripts, though they are invisible.
_JOINERS = {"\u200c", "\u200d"}


def checked_pattern(text: str) -> str:
    """Return the pattern. Raises argparse's error for a placeholder that does not exist, or none at all."""
    names = _PLACEHOLDER.findall(text)
    unknown = [name for name in names if name not in _VALUES]
    if unknown or not names:
        found = f"unknown {{{unknown[0]}}}" if unknown else "no placeholder"
        raise argparse.ArgumentTypeError(f"{found} in {text!r}; a pattern has one or more of {', '.join(PLACEHOLDERS)}")
    return text


def fields_in(pattern: str) -> frozenset[str]:
    """Return the names of the pattern's placeholders."""
    return frozenset(_PLACEHOLDER.findall(pattern))


def split_name(path: str) -> tuple[str, str, str]:
    """Return folder, stem and suffix, all as they are."""
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 (names may hold bytes that are no text)
    return folder, stem, suffix


class NewNames:
    """Choose free names; the entries of one folder at a time are kept, so that memory stays flat."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._folder: str | None = None
        self._taken: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}

    def choose(self, record: CaptionRecord, candidates: Sequence[str]) -> str:
        """Return the new path of a record's file: its own where that fits already.

        The stem is free in the folder regardless of suffix, case and Unicode form. Raises OSError.
        """
        folder, own, suffix = split_name(record["path"])
        self._read(folder)
        stems = list(dict.fromkeys(self._stems(record, candidates, suffix)))
        free = next((stem for stem in stems if _folded(stem) == _folded(own) or self._is_free(stem)), None)
        stem = free or self._numbered(stems[0], own, suffix)
        stem = own if _folded(stem) == _folded(own) else stem
        return os.path.join(folder, stem + suffix)  # noqa: PTH118

    def renamed(self, old: str, new: str) -> None:
        """Note that a file has another name now."""
        self._taken[_folded(split_name(old)[1])] -= 1
        self._taken[_folded(split_name(new)[1])] += 1

    def forget(self) -> None:
        """Read the folder again before the next choice."""
        self._folder = None

    def _read(self, folder: str) -> None:
        if folder == self._folder:
            return
        with os.scandir(folder or ".") as entries:
            self._taken = Counter(_folded(split_name(entry.name)[1]) for entry in entries)
        self._folder, self._numbers = folder, {}

    def _stems(self, record: CaptionRecord, candidates: Sequence[str], suffix: str) -> Iterator[str]:
        for candidate in candidates:
            named: CaptionRecord = {**record, "metadata": {**record["metadata"], "filename": candidate}}
            text = _PLACEHOLDER.sub(lambda match: _VALUES[match[1]](named), self.pattern)  # noqa: B023
            yield valid_stem(text, _MAX_BYTES - _SIDECAR - _NUMBER - len(os.fsencode(suffix))) or candidate

    def _is_free(self, stem: str) -> bool:
        return self._taken[_folded(stem)] <= 0

    def _numbered(self, best: str, own: str, suffix: str) -> str:
        if re.fullmatch(re.escape(_folded(best)) + r"-[0-9]{1,7}", _folded(own)):
            return own
        number = self._numbers.get(best, 2)
        while not self._is_free(f"{best}-{number}"):
            number += 1
        self._numbers[best] = number + 1
        return f"{best}-{number}"


def valid_stem(text: str, max_bytes: int) -> str:
    """Return a name that Windows, macOS and Linux accept, without control characters, cut between whole letters.

    Bytes that are no text, as surrogates, stay.
    """
    text = _FORBIDDEN.sub("-", unicodedata.normalize("NFC", text))
    text = "".join(" " if char.isspace() else char for char in text if _is_visible(char))
    text = " ".join(text.split()).strip(" .-")
    while len(os.fsencode(text)) > max_bytes:
        text = _without_last_letter(text).rstrip(" .-")
    return f"{text}-" if _DEVICES.fullmatch(text) else text


def _is_visible(char: str) -> bool:
    if char.isspace() or char in _JOINERS or "\udc80" <= char <= "\udcff":
        return True
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs"}


def _without_last_letter(text: str) -> str:
    """Cut one letter with its marks, and what a joiner ties to it."""
    end = len(text) - 1
    while end > 0 and (unicodedata.category(text[end])[0] == "M" or text[end - 1] in _JOINERS or text[end] in _JOINERS):
        end -= 1
    return text[:end]


def _folded(stem: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold())
