"""Output formats: a line of JSON, and a block of text."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, cast

from workers.analysis import Analysis, Assessment, Extras
from workers.cli.describe_file import translation_errors
from workers.composing.metadata import Metadata

# Of the fields of docs/api-contract.md, in their order.
FIELD_NAMES = {
    "title": "title",
    "alt": "alt",
    "caption": "caption",
    "description": "description",
    "filename": "file name",
    "seoTags": "tags",
}
_INDENT = "  "
_COLUMN = 2 + max(map(len, FIELD_NAMES.values()))


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
    captions = cast("list[ScoredText]", analysis.provenance["captions"])
    text = analysis.composed.caption
    record: CaptionRecord = {
        "path": path,
        "metadata": analysis.metadata,
        **analysis.assessment,
        **analysis.extras,
        "caption": _scored_text(captions[0]) if captions else {"text": text, "confidence": 0.0},
        "tags": cast("list[ScoredText]", analysis.provenance["tags"]),
        "model": model,
    }
    if errors := translation_errors(analysis):
        record["translationErrors"] = errors
    return with_filename(record, filename) if "filename" in record["metadata"] else record


def with_filename(record: CaptionRecord, filename: str) -> CaptionRecord:
    return {**record, "metadata": {**record["metadata"], "filename": filename}}


def _scored_text(candidate: ScoredText) -> ScoredText:
    return {"text": candidate["text"], "confidence": candidate["confidence"]}


def format_json(record: CaptionRecord) -> str:
    return json.dumps(record, ensure_ascii=False)


def format_block(record: CaptionRecord, width: int | None) -> str:
    """Format one line per field, wrapped at `width`, if any, and an empty line; `review` only where it is needed.

    Translations follow with their language tags.
    """
    rows = [*_rows(record["metadata"], decorative=record.get("decorative", False)), ("kind", record["kind"])]
    if record["needsReview"]:
        rows.append(("review", f"needs review, confidence {record['confidence']:.2f}"))
    if unused := record.get("unusedKeywords"):
        rows.append(("unused", ", ".join(unused)))
    lines = [_format_field(name, text, width) for name, text in rows]
    for tag, fields in record.get("translations", {}).items():
        translated = _rows(fields, decorative=record.get("decorative", False))
        lines += [f"{_INDENT}{tag}", *(_format_field(name, text, width) for name, text in translated)]
    return "\n".join([record["path"], *lines, "", ""])


def _rows(fields: Mapping[str, Any], *, decorative: bool) -> Iterator[tuple[str, str]]:
    for key, name in FIELD_NAMES.items():
        if key in fields:
            value = ", ".join(fields[key]) if key == "seoTags" else fields[key]
            yield name, "(none: decorative)" if decorative and key == "alt" else value


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
