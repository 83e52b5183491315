"""Each benchmark prints its headline ratio as the last line, `NAME: RATIO`."""

import ast
from pathlib import Path

import pytest

BENCHMARKS = sorted(
    path for path in (Path(__file__).parent.parent / "benchmarks").glob("*.py") if not path.name.startswith("_")
)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_the_last_line_is_the_name_and_a_ratio(path: Path) -> None:
    functions = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}

    match functions["main"].body[-1]:
        case ast.Expr(
            ast.Call(func=ast.Name("print"), args=[ast.JoinedStr([ast.Constant(name), ast.FormattedValue()])])
        ):
            assert name == f"{path.stem}: "
        case last:
            pytest.fail(f"main() ends with {ast.unparse(last)}")
