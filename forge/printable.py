"""Text of callers, made safe to show."""

import re
from typing import Any

SHOWN_LENGTH = 100

# Control characters, halves of surrogate pairs, separators of lines and paragraphs, bidirectional controls: they could
# begin a new line in a log, reach a terminal as a command, or change how the rest of a line is shown.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def without_controls(text: str) -> str:
    return _CONTROLS.sub("", text)


def escaped(text: str, keep: str = "") -> str:
    """Return the text with its control characters as escape sequences, except those in `keep`."""
    return _CONTROLS.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def escaped_json(value: Any) -> Any:
    """Return the JSON value with its texts escaped."""
    match value:
        case str():
            return escaped(value)
        case dict():
            return {escaped_json(name): escaped_json(item) for name, item in value.items()}
        case list() | tuple():
            return [escaped_json(item) for item in value]
    return value


def printable(text: str) -> str:
    """Return the text as a sentence quotes it: escaped, and cut where it is long."""
    return escaped(text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
