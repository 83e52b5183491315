"""What is told of one picture, as a line of JSON and as a block to read."""

import json
import textwrap
from typing import TypedDict, cast

from workers.composing.metadata import Metadata
from workers.pipeline import Analysis

LABELS = ("title", "alt", "caption", "description", "file name", "tags")
_INDENT = "  "
_COLUMN = 2 + max(map(len, LABELS))


class Scored(TypedDict):
    text: str
    confidence: float


class Answer(TypedDict):
    path: str
    metadata: Metadata
    caption: Scored
    tags: list[Scored]
    model: str


def answer(path: str, analysis: Analysis, *, filename: str, model: str) -> Answer:
    """`caption` is the sentence that the words were made from; where the model had none, the words' own, at 0.0."""
    metadata: Metadata = {**analysis.words.as_metadata(), "filename": filename}
    captions = cast("list[Scored]", analysis.provenance["captions"])
    return {
        "path": path,
        "metadata": metadata,
        "caption": _scored(captions[0]) if captions else {"text": metadata["caption"], "confidence": 0.0},
        "tags": cast("list[Scored]", analysis.provenance["tags"]),
        "model": model,
    }


def _scored(candidate: Scored) -> Scored:
    return {"text": candidate["text"], "confidence": candidate["confidence"]}


def as_json(told: Answer) -> str:
    return json.dumps(told, ensure_ascii=False)


def as_block(told: Answer, width: int | None) -> str:
    """Lines of at most `width` columns, or one line a field; then an empty one."""
    words = told["metadata"]
    values = (words["title"], words["alt"], words["caption"], words["description"], words["filename"])
    rows = zip(LABELS, (*values, ", ".join(words["seoTags"])), strict=True)
    return "\n".join([told["path"], *(_row(label, text, width) for label, text in rows), "", ""])


def _row(label: str, text: str, width: int | None) -> str:
    head = f"{_INDENT}{label:<{_COLUMN}}"
    if width is None:
        return head + text
    # A file name or a tag that is copied from here must be in one piece.
    return textwrap.fill(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )
