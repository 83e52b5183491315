"""The words for an image's kind: "line chart", "screenshot of a dialog", "book cover"."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.english.grammar import with_article
from workers.models.evidence import Evidence

TABLE = Path(__file__).with_name("kind_words.tsv")
DRAWN = frozenset(("painting", "drawing", "illustration", "comic", "render"))
# Heads of kinds' nouns that are also depicted: "landscape", "a letter", "an island".
_DEPICTED = frozenset(("abstract", "editor", "game", "island", "letter", "music", "page", "handwriting", "landscape"))
_IMAGES = frozenset(("blur", "box art", "cartoon", "cover", "strip", "template"))
# A table's noun below it does not narrow the kind.
MIN_NARROWER = 0.4


@dataclass(frozen=True, slots=True)
class KindName:
    """`kind` is one of KINDS; `words` its name without article, "" for a photograph; `nouns` the kind's own nouns."""

    kind: str
    probability: float
    words: str
    nouns: frozenset[str] = frozenset()

    @property
    def is_photo(self) -> bool:
        return self.kind == "photo"

    @property
    def phrase(self) -> str:
        return "" if self.is_photo else with_article(self.words, "count")


def name_kind(evidence: Evidence) -> KindName:
    """Return the most probable kind, with the words of its surest narrower noun; without evidence, a photograph."""
    kind, probability = evidence.kind
    words = _table().get(kind, {})
    narrower = [noun for noun in evidence.nouns if noun.noun in words and noun.main >= MIN_NARROWER]
    name = words[max(narrower, key=lambda noun: noun.main).noun] if narrower else words.get("", "")
    return KindName(kind, probability, name, _nouns_of(kind))


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    """Return the words by kind and narrower noun; "" is the kind itself."""
    table: dict[str, dict[str, str]] = {}
    for row in _rows():
        table.setdefault(row["kind"], {})[row["noun"]] = row["words"]
    return table


@cache
def _nouns_of(kind: str) -> frozenset[str]:
    words = _table().get(kind, {})
    return frozenset(word for word in {kind, *words, *words.values()} if word)


@cache
def is_kind_noun(noun: str) -> bool:
    """Return whether the noun is one for an image: "a comic of a comic strip" is redundant."""
    heads = {word.rpartition(" ")[2] for kind in _table() for word in _nouns_of(kind)}
    return noun.rpartition(" ")[2] in heads - _DEPICTED | _IMAGES


def _rows() -> Iterable[Mapping[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
