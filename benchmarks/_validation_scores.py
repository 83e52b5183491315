"""Scores of the composed words on the validation sets with labels or captions, which have no described kind."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workers.english.lexicon import lexicon

Record = Mapping[str, Any]


def validation_scores(rows: Path, words: Path) -> dict[str, float]:
    """Return percentages: of labels that are named, or caption metrics against the rows' captions.

    `rows`: an object a line with `image` and `label`, `title` or `captions`; `words`: of `caption --json`.
    Captions need the packages of training/requirements.txt.
    """
    truths = {row["image"]: row for row in _lines(rows)}
    produced = [(truths[record["path"]], record["metadata"]) for record in _lines(words)]
    if all(names_of(row) for row, _ in produced):
        return {
            "label in the alt": _share(is_named(row, [fields["alt"]]) for row, fields in produced),
            "label in alt, title or tags": _share(
                is_named(row, [fields["alt"], fields["title"], *fields["seoTags"]]) for row, fields in produced
            ),
        }
    from training.scoring.caption_metrics import caption_scores

    sentences = [fields["caption"].rstrip(".").lower() for _, fields in produced]
    return caption_scores(sentences, [row["captions"] for row, _ in produced])


def names_of(row: Record) -> tuple[str, ...]:
    """Return the label, and of a grocery its coarse name, too: "Golden Delicious", "Apple"."""
    attributes = row.get("attributes") or {}
    found = (row.get("label"), row.get("title"), attributes.get("coarse"))
    return tuple(str(name).replace("_", " ").lower() for name in found if name)


def is_named(row: Record, texts: Sequence[str]) -> bool:
    """Return whether a text has one of the row's names, in the singular or in the plural."""
    found = {thing.noun.text for text in texts for thing in lexicon().read(text.lower()).mentions}
    joined = " | ".join(texts).lower()
    return any(name in found or f" {name} " in f" {joined} ".replace("|", " ") for name in names_of(row))


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return round(100 * sum(values) / len(values), 1)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
