"""Texts that spreadsheets would compute. The tests of each table have one of them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from spreadsheet import csv_line, without_formula

STUDIO = Path(__file__).parents[2] / "forge/studio/static/studio/spreadsheet.js"
FORMULAS = [
    "=1", "+1", "-1", "@a", " =1", "\t=1", "\r=1", "\n=1", "\t1", "\r1", "\n1", "\x00=1", "\x1c=1", "\x85=1",
    "\ufeff=1", "\N{NO-BREAK SPACE}=1", "\N{FULLWIDTH EQUALS SIGN}1", "\N{FULLWIDTH PLUS SIGN}1",
    "\N{FULLWIDTH HYPHEN-MINUS}1", "\N{FULLWIDTH COMMERCIAL AT}a", '=HYPERLINK("x")', "=1\n2",
]  # fmt: skip
TEXTS = ["", "1", "a=1", "a\n=1", "'=1", '"=1', "(1)", "é", "\N{EN DASH}1", " 1", "\x001"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_stays_as_it_is(text: str) -> None:
    assert without_formula(text) == text


def test_numbers_and_quotes() -> None:
    assert csv_line([-1, "=a", 'a "b"']) == '-1,"\'=a","a ""b"""\r\n'


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: apt install nodejs")
def test_the_studio_has_the_same_rule() -> None:
    texts = [*FORMULAS, *TEXTS]
    program = f"""
        const source = encodeURIComponent({json.dumps(STUDIO.read_text())});
        const {{csvCell}} = await import(`data:text/javascript,${{source}}`);
        process.stdout.write(JSON.stringify({json.dumps(texts)}.map(csvCell)));
    """

    command = ["node", "--input-type=module", "-e", program]
    cells = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert [f"{cell}\r\n" for cell in cells] == [csv_line([text]) for text in texts]
