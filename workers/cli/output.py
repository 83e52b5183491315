"""Output formats: a line of JSON, and a block of text."""

import json
import textwrap
from typing import TypedDict, cast

from workers.analysis import Analysis, Assessment, Extras
from workers.composing.metadata import Metadata

FIELD_NAMES = ("title", "alt", "caption", "description", "file name", "tags", "kind", "review")
_INDENT = "  "
_COLUMN = 2 + max(map(len, FIELD_NAMES))


class ScoredText(TypedDict):
    text: str
    confidence: float


class CaptionRecord(Assessment, Extras):
    path: str
    metadata: Metadata
    caption: ScoredText
    tags: list[ScoredText]
    model: str


def caption_record(path: str, analysis: Analysis, *, filename: str, model: str) -> CaptionRecord:
    """Build the record: `caption` is the model's; without one, the composed caption at 0.0."""
    metadata: Metadata = {**analysis.composed.as_metadata(), "filename": filename}
    captions = cast("list[ScoredText]", analysis.provenance["captions"])
    return {
        "path": path,
        "metadata": metadata,
        **analysis.assessment,
        **analysis.extras,
        "caption": _scored_text(captions[0]) if captions else {"text": metadata["caption"], "confidence": 0.0},
        "tags": cast("list[ScoredText]", analysis.provenance["tags"]),
        "model": model,
    }


def _scored_text(candidate: ScoredText) -> ScoredText:
    return {"text": candidate["text"], "confidence": candidate["confidence"]}


def format_json(record: CaptionRecord) -> str:
    return json.dumps(record, ensure_ascii=False)


def format_block(record: CaptionRecord, width: int | None) -> str:
    """Format one line per field, wrapped at `width`, if any, and an empty line; `review` only where it is needed."""
    metadata = record["metadata"]
    alt = "(none: decorative)" if record.get("decorative") else metadata["alt"]
    values = (metadata["title"], alt, metadata["caption"], metadata["description"], metadata["filename"])
    review = f"needs review, confidence {record['confidence']:.2f}" if record["needsReview"] else ""
    rows = zip(FIELD_NAMES, (*values, ", ".join(metadata["seoTags"]), record["kind"], review), strict=True)
    lines = [_format_field(name, text, width) for name, text in rows if name != "review" or text]
    return "\n".join([record["path"], *lines, "", ""])


def _format_field(name: str, text: str, width: int | None) -> str:
    head = f"{_INDENT}{name:<{_COLUMN}}"
    if width is None:
        return head + text
    # File names and tags must stay in one piece to be copied.
    return textwrap.fill(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )
