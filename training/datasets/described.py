"""The rows that teach evidence: images described by eye, and the captioned sets for what they say of their images."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.datasets.captioned import NON_COMMERCIAL, RESTRICTED, Row
from workers.models.evidence import KINDS, PEOPLE


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """`share`: how often a row is drawn in an epoch. `kind`: of every image without a kind of its own; `kind_weight`:
    of a row's kind in the loss. `is_template`: its captions are made from labels.
    """

    share: float
    kind: str = ""
    kind_weight: float = 0.0
    is_template: bool = False


# The kind of photograph collections is nearly sure but alike: at full weight it drowns the other kinds.
_OF_PHOTOGRAPHS = 1 / 12
# Kinds guessed by the words of a caption, or by what a repository holds, which is wrong less often.
_GUESSED, _BY_REPOSITORY = 0.15, 0.3

# Large sets of narrow subjects are drawn less often than their size: in full, flowers and dogs were found everywhere.
CAPTION_SETS = {
    "kinds": CaptionSet(0.4, "", _BY_REPOSITORY),
    "openstax": CaptionSet(0.5, "", _GUESSED),
    "wikialt": CaptionSet(0.7, "", _GUESSED),
    "coco": CaptionSet(0.8, "photo", _OF_PHOTOGRAPHS),
    "flickr8k": CaptionSet(0.4, "photo", _OF_PHOTOGRAPHS),
    "classes": CaptionSet(0.6, "photo", _OF_PHOTOGRAPHS),
    "objects": CaptionSet(0.6, "photo", _OF_PHOTOGRAPHS),
    "grocery": CaptionSet(0.15, "photo", _OF_PHOTOGRAPHS, is_template=True),
    "fashion": CaptionSet(0.1, "photo", _OF_PHOTOGRAPHS, is_template=True),
}
# Of the images of the product's users these alone are typical, and they alone tell people and text.
DESCRIBED_SHARE = 3.0
UNKNOWN_PEOPLE = -1

# "MIT (LICENSE of repository); photographs from web search" is not among them: the photographs are not under MIT.
PERMISSIVE = frozenset((
    "Apache", "Apache-2.0", "BSD", "CC BY 4.0", "CC-BY", "CC0 1.0", "CC0-1.0", "ISC", "MIT", "Unlicense",
    "public domain",
))  # fmt: skip
_DRAWN = frozenset(("painting", "drawing", "illustration", "render", "comic"))
# The decoder cannot read: it would learn to invent titles.
_QUOTED = re.compile(
    r"(reading|titled|saying|that says|that reads|with the (text|words?|title|name|label)|labelled|marked|named)?"
    r'\s*["\u201c][^"\u201d]*["\u201d]'
)
_LICENCE_SOURCE = re.compile(r"\s*\([^()]*\)$")


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """An image and what is known of it: `kind` "", `people` -1 and empty tuples stand for nothing.

    `subject`: names of the main thing, the narrowest first; `also`, `scene`: what else there is, and where; `text`:
    the words to read; `captions`: sentences, for a described image its caption and description.
    """

    path: Path
    subset: str
    share: float
    kind: str = ""
    kind_weight: float = 0.0
    people: int = UNKNOWN_PEOPLE
    text: str = ""
    subject: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    scene: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    label: str = ""
    licence: str = ""
    repository: str = ""

    @property
    def is_described(self) -> bool:
        return self.people != UNKNOWN_PEOPLE

    @property
    def is_template(self) -> bool:
        return self.subset in CAPTION_SETS and CAPTION_SETS[self.subset].is_template


def read_described(rows: Path, images: Path, subset: str, limit: int | None = None) -> list[EvidenceRow]:
    """Read rows of the wild format. Raises ValueError, naming the line, where a kind or a number is none of ours."""
    return [_described(entry, images, subset, f"{rows}:{number}") for number, entry in _entries(rows, limit)]


def read_caption_sets(data: Path, images: Path, limit: int | None = None) -> list[EvidenceRow]:
    """Read the training rows of every caption set."""
    return [
        _captioned(entry, images / f"{name}-train", name)
        for name in CAPTION_SETS
        for _, entry in _entries(data / f"{name}-train.jsonl", limit)
    ]


def is_permissive(row: EvidenceRow) -> bool:
    """Return whether commercial use is allowed; a set without licenses of its rows follows the captioner's rule."""
    if row.licence:
        return _LICENCE_SOURCE.sub("", row.licence) in PERMISSIVE
    return row.subset in CAPTION_SETS and row.subset not in NON_COMMERCIAL


def caption_rows(rows: Sequence[EvidenceRow]) -> list[Row]:
    """Return the described photographs and drawn images as captioned ones, without what is quoted in their captions."""
    found = []
    for row in rows:
        if row.is_described and (row.kind == "photo" or row.kind in _DRAWN):
            subset = ("photo" if row.kind == "photo" else "drawn") + ("" if is_permissive(row) else RESTRICTED)
            found.append(
                Row(row.path, row.path.name, subset, "train", (" ".join(_QUOTED.sub("", row.captions[0]).split()),))
            )
    return found


def _entries(file: Path, limit: int | None) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[:limit], 1):
        yield number, json.loads(line)


def _described(entry: dict[str, Any], images: Path, subset: str, place: str) -> EvidenceRow:
    people = min(entry["people"], PEOPLE[-1])
    if entry["kind"] not in KINDS or people not in PEOPLE:
        raise ValueError(f"{place}: kind {entry['kind']!r} or people {entry['people']!r} is unknown")
    return EvidenceRow(
        images / entry["image"],
        subset,
        DESCRIBED_SHARE,
        entry["kind"],
        1.0,
        people,
        entry["text"].strip(),
        tuple(entry["subject"]),
        tuple(entry["also"]),
        tuple(entry["scene"]),
        (entry["caption"], entry["description"]),
        licence=entry.get("licence", "none stated"),
        repository=entry.get("repo", ""),
    )


def _captioned(entry: dict[str, Any], images: Path, name: str) -> EvidenceRow:
    traits = CAPTION_SETS[name]
    kind, weight = _kind(entry, traits)
    # What a repository of logos holds is a kind, no name.
    label = "" if name == "kinds" else entry.get("label", "").replace("_", " ")
    licence = entry.get("licence", "none stated" if name == "kinds" else "")
    captions = tuple(caption.strip() for caption in entry.get("captions", ()) if caption.strip())
    path = images / Path(entry["image"]).name
    return EvidenceRow(path, name, traits.share, kind, weight, captions=captions, label=label, licence=licence)


def _kind(entry: dict[str, Any], traits: CaptionSet) -> tuple[str, float]:
    # The receipts among the classes.
    guess = "document" if entry.get("label_kind") == "document" else entry.get("kind_guess")
    if guess in KINDS:
        return guess, _GUESSED if traits.kind else traits.kind_weight
    return (traits.kind, traits.kind_weight) if traits.kind else ("", 0.0)
