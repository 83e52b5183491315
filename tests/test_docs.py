"""Documents, and the code that names them, refer only to files that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (
    "analysis_options",
    "benchmarks",
    "bin",
    "config",
    "decoding",
    "deploy",
    "docs",
    "forge",
    "samples",
    "spreadsheet",
    "tests",
    "training",
    "workers",
)
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
FILES += [path for path in ROOT.iterdir() if path.is_file()]
DOCUMENTS = sorted(path for path in FILES if path.suffix == ".md" or path.name == "LICENSE")
SOURCES = [path for path in FILES if path.suffix in {".py", ".sh", ".toml", ".txt"} and path != Path(__file__)]

CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`([^`\s]+)`")
FILE_NAME = re.compile(r"[\w./-]+\.(?:md|py|toml|tsv|txt)")
LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)")
DOCUMENT_NAME = re.compile(r"docs/decisions/\d{4}|docs/[\w/-]+\.md|\b[A-Z_]+\.md")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def paths_in(text: str) -> Iterator[str]:
    """Yield the paths in inline code: below a folder of the repository, or with the suffix of a file."""
    for code in INLINE_CODE.findall(CODE_BLOCK.sub("", text)):
        is_below = code.partition("/")[0] in FOLDERS and re.fullmatch(r"[\w./-]+", code)
        if is_below or FILE_NAME.fullmatch(code):
            yield code


def exists(path: str, document: Path) -> bool:
    """Return whether a path exists in the repository or beside the document; of a bare name, anywhere."""
    is_file_name = "/" not in path and any(file.name == path for file in FILES)
    return is_file_name or (ROOT / path).exists() or (document.parent / path).exists()


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", CODE_BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_each_path_in_a_document_exists(document: Path) -> None:
    assert [path for path in paths_in(document.read_text()) if not exists(path, document)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_each_link_in_a_document_has_a_target(document: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(document.read_text()):
        path = document.parent / target if target else document
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            broken.append(f"{target}#{anchor}")

    assert broken == []


def test_each_document_named_in_the_code_exists() -> None:
    named = {(name(path), document) for path in SOURCES for document in DOCUMENT_NAME.findall(path.read_text())}
    documents = [name(document) for document in DOCUMENTS]

    missing = [
        (source, document)
        for source, document in sorted(named)
        if not any(known.startswith(document) or known.endswith(f"/{document}") for known in documents)
    ]

    assert missing == []


def test_each_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target, _ in LINK.findall(index.read_text())}

    assert [name(page) for page in DOCUMENTS if index.parent in page.parents and page not in {*linked, index}] == []


def test_each_term_of_the_glossary_has_a_module() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    terms = {term: list(paths_in(modules)) for term, _, modules in rows if modules not in {"module", "---"}}

    assert len(terms) >= 30
    assert [term for term, modules in terms.items() if not modules] == []
