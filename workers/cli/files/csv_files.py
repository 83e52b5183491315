"""CSV files with a row for each image; a row that a killed run began is completed, not written twice."""

import csv
import io
import json
import os
import stat

from spreadsheet import without_formula
from workers.cli.output import FIELD_NAMES, CaptionRecord

_COLUMNS = (
    "path",
    "title",
    "alt",
    "caption",
    "description",
    "filename",
    "seoTags",
    "kind",
    "confidence",
    "needsReview",
    "decorative",
    "unusedKeywords",
    "translations",
)


class CsvFile:
    """A CSV file that rows are appended to; it gets its head once. Raises OSError, and ValueError for another head."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)  # noqa: PTH100
        self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        self._is_regular = stat.S_ISREG(os.fstat(self._handle).st_mode)
        head = _encoded(list(_COLUMNS))
        if self._is_regular and not head.startswith(os.pread(self._handle, len(head), 0)):
            os.close(self._handle)
            raise ValueError(f"{path} has other columns than {', '.join(_COLUMNS)}. Name a new file.")
        self.append(head, 0)

    @property
    def size(self) -> int:
        return os.fstat(self._handle).st_size

    def close(self) -> None:
        os.close(self._handle)

    def append(self, row: bytes, at: int) -> None:
        """Write the part of a row that does not stand at that offset already. Raises OSError; nothing is then left."""
        rest = row if not self._is_regular else self._missing(row, at)
        before = self.size
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            if self._is_regular:
                os.ftruncate(self._handle, before)
            raise

    def take_back(self, row: bytes, at: int) -> None:
        """Remove a row that is the last one."""
        if self._is_regular and at + len(row) == self.size and os.pread(self._handle, len(row), at) == row:
            os.ftruncate(self._handle, at)

    def _missing(self, row: bytes, at: int) -> bytes:
        written = os.pread(self._handle, len(row), at)
        if written == row:
            return b""
        return row[len(written) :] if row.startswith(written) and at + len(written) == self.size else row


def row_of(record: CaptionRecord) -> bytes:
    # The record's own caption and tags are those of the models.
    values = {name: value for name, value in record.items() if name not in FIELD_NAMES} | {**record["metadata"]}
    cells = [_cell(values.get(name, "")) for name in _COLUMNS]
    return _encoded([without_formula(cell) if isinstance(cell, str) else cell for cell in cells])


def _cell(value: object) -> object:
    """Return a list with commas, and translations, whose languages each run chooses, as JSON."""
    if isinstance(value, list):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _encoded(cells: list[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "backslashreplace")
