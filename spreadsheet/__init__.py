"""CSV that spreadsheets open as it is: UTF-8 with a byte order mark, and no text that they take for a formula."""

import re
from collections.abc import Iterable

BOM = "\ufeff"
# As in forge/studio/static/studio/spreadsheet.js. Some programs leave out blanks and controls before a formula, and
# some read full-width signs. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"[\s\x00-\x1f\x85\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001


def without_formula(text: str) -> str:
    """Return the text, with an apostrophe before one that a spreadsheet would compute."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_line(cells: Iterable[object]) -> str:
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(value: object) -> str:
    """Return a number as it is, and a text in quotes."""
    if isinstance(value, int):
        return str(value)
    return '"' + without_formula(str(value)).replace('"', '""') + '"'
