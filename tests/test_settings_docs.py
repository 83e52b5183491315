"""docs/settings.md has every setting that config/ reads, with its default."""

import ast
import operator
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| `([A-Z][A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)
OPERATORS = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub, ast.Pow: operator.pow}


def documented() -> dict[str, str]:
    """Return the default of each setting in the tables, as written there."""
    text = (ROOT / "docs" / "settings.md").read_text().partition("## Read outside config/")[0]
    rows = ROW.findall(text)
    names = [name for name, *_ in rows]
    assert len(set(names)) == len(names)
    assert all(text.strip() for name, _, _, text in rows)
    return {name: default for name, default, _, _ in rows}


def read() -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the name of each setting that config/settings.py reads, with the expression of its default."""
    for node in ast.walk(ast.parse((ROOT / "config" / "settings.py").read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("env"), attr=attr), args=[ast.Constant(str(name)), *rest]):
                if attr != "require_in_production":
                    yield name, rest[0] if rest else None


def constant(expression: ast.expr | None) -> object:
    """Return the value of an expression of constants; None for any other."""
    match expression:
        case ast.Constant(value):
            return value
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            a, b = constant(left), constant(right)
            return OPERATORS[type(op)](a, b) if isinstance(a, int) and isinstance(b, int) else None
    return None


def written(value: object) -> str:
    if value == "":
        return "none"
    return (
        f"`{str(value).lower()}`"
        if isinstance(value, bool)
        else f"`{value:g}`"
        if isinstance(value, float)
        else f"`{value}`"
    )


def test_the_tables_have_every_setting_that_is_read() -> None:
    assert {name for name, _ in read()} == set(documented())


def test_the_tables_have_the_defaults() -> None:
    in_docs = documented()
    defaults = {name: constant(expression) for name, expression in read()}
    constants = {name: value for name, value in defaults.items() if value is not None}

    assert len(constants) > 40
    assert {name: in_docs[name] for name in constants} == {name: written(value) for name, value in constants.items()}


def test_only_the_settings_and_their_readers_are_in_config() -> None:
    """Another module in config/ that read the environment would not be documented."""
    readers = [path.name for path in (ROOT / "config").glob("*.py") if re.search(r"\benv\.\w+\(", path.read_text())]

    assert readers == ["settings.py"]
