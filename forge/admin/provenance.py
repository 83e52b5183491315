"""Provenance of a result as tables, one for each recorded part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Table:
    """`columns` may be empty."""

    title: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def tables(provenance: Mapping[str, Any]) -> list[Table]:
    """Return every recorded part, those of other versions included."""
    return [_table(title, value) for title, value in provenance.items()]


def _table(title: str, value: Any) -> Table:
    match value:
        case [dict(), *_] if all(isinstance(entry, dict) for entry in value):
            columns = list(dict.fromkeys(name for entry in value for name in entry))
            return Table(title, columns, [[_cell(entry.get(name, "")) for name in columns] for entry in value])
        case dict() if value and all(isinstance(entry, dict) for entry in value.values()):
            columns = list(dict.fromkeys(name for entry in value.values() for name in entry))
            rows = [[role, *(_cell(entry.get(name, "")) for name in columns)] for role, entry in value.items()]
            return Table(title, ["", *columns], rows)
        case dict():
            return Table(title, list(value), [[_cell(entry) for entry in value.values()]] if value else [])
    return Table(title, rows=[[_cell(value)]])


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(entry)}" for name, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_cell(entry) for entry in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
