"""CSV that spreadsheets open as it is: UTF-8 with a byte order mark, and no text that they take for a formula."""

import re
from collections.abc import Iterable

BOM = "\ufeff"
_FORMULA = re.compile(r"\s*[=+\-@]")


def csv_line(cells: Iterable[object]) -> str:
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(value: object) -> str:
    """Return a number as it is, and a text in quotes, with an apostrophe before a formula (as exports.js does)."""
    if isinstance(value, int):
        return str(value)
    text = str(value).replace('"', '""')
    return '"' + ("'" if _FORMULA.match(text) else "") + text + '"'
