"""Architecture rules that import-linter cannot check."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for package in ("analysis_options", "config", "decoding", "forge", "spreadsheet", "workers", "xmp")
    for path in (ROOT / package).rglob("*.py")
)
OUTSIDE_MIGRATIONS = [path for path in SOURCES if "migrations" not in path.parts]


def files_with(pattern: str, *allowed: str) -> list[str]:
    """Return the files outside `allowed` that contain the pattern."""
    found = [path.relative_to(ROOT).as_posix() for path in OUTSIDE_MIGRATIONS if re.search(pattern, path.read_text())]
    return [path for path in found if path not in allowed]


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_only_the_settings_read_the_environment() -> None:
    # Two pass the environment on to the processes that they start.
    reads = r"os\.environ\b(?!\.setdefault)|os\.getenv|\benvirons\b"
    assert files_with(reads, "config/env.py", "forge/stack/stack.py", "forge/stack/commands.py") == []


def test_only_the_ledger_writes_credits() -> None:
    assert (
        files_with(
            r"CreditEntry\(\n|CreditEntry\((?!models)\w|CreditEntry\.objects\.(bulk_)?create", "forge/credits/ledger.py"
        )
        == []
    )
    assert files_with(r"balance=F\(", "forge/credits/ledger.py") == []


def test_only_states_changes_a_status() -> None:
    """In SQL of one statement its transition is that of states.analysis_transition."""
    assert files_with(r"\.update\([^)]*\bstatus=", "forge/jobs/states.py") == []
    assert files_with(r"\.status = ", "forge/jobs/states.py", "forge/jobs/one_statement.py") == []


def test_only_decoding_opens_images() -> None:
    assert files_with(r"Image\.open\(|register_heif_opener", "decoding/images.py") == []


def test_only_events_record_an_event() -> None:
    assert files_with(r"JobEvent\.objects\.(bulk_)?create|JobEvent\(job", "forge/jobs/events.py") == []


@pytest.mark.parametrize(
    "library", ["torch", "transformers", "efficientnet_lite_pytorch", "rapidocr", "onnxruntime", "cv2"]
)
def test_model_libraries_are_imported_in_workers_models_only(library: str) -> None:
    for path in OUTSIDE_MIGRATIONS:
        if any(name.partition(".")[0] == library for name in imports(ast.parse(path.read_text()))):
            assert path.is_relative_to(ROOT / "workers" / "models"), path


def test_model_libraries_are_not_imported_before_load() -> None:
    code = """
import sys
from workers import models, pipeline
for name in ("embedded", "scripted"):
    models.create(name)
print(*sorted({"torch", "transformers", "tokenizers", "safetensors"} & set(sys.modules)))
"""

    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert completed.stdout.strip() == ""


def test_a_web_process_starts_without_the_model_libraries() -> None:
    roots = "{'torch', 'numpy', 'workers'}"
    code = f"import config.asgi, sys; print(*sorted(name for name in sys.modules if name.partition('.')[0] in {roots}))"

    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    # The app in which manage.py finds the command `caption`; it imports nothing.
    assert completed.stdout.split() == ["workers", "workers.cli"]


def test_no_module_is_named_utils_or_the_like() -> None:
    vague = {"utils.py", "util.py", "common.py", "helpers.py", "misc.py"}

    assert [path for path in SOURCES if path.name in vague or path.parent.name in {"common", "utils"}] == []


def test_files_have_at_most_250_lines() -> None:
    long = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in OUTSIDE_MIGRATIONS}

    assert {name: lines for name, lines in long.items() if lines > 250} == {}
