"""Which nouns name a thing more widely: a tulip is a flower and a plant."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from workers.english.grammar import singularize
from workers.english.labels import LABELS_FILE
from workers.english.nouns import NOUNS_FILE

_IRREGULAR = {
    "axes": "axis", "children": "child", "feet": "foot", "geese": "goose", "knives": "knife", "leaves": "leaf",
    "loaves": "loaf", "men": "man", "mice": "mouse", "people": "people", "shelves": "shelf", "teeth": "tooth",
    "wolves": "wolf", "women": "woman",
}  # fmt: skip
# Groups of the tables, no names of things.
_GROUPS = frozenset((
    "accessory", "amusement", "architectural feature", "container", "event", "group", "household", "household item",
    "kind", "landscape", "material", "object", "office", "other", "part", "place", "sport", "structure",
))  # fmt: skip
# Nouns that say nothing of what is in an image.
_EMPTY = frozenset((
    "area", "background", "center", "close up", "color", "colour", "front", "group", "image", "kind", "label",
    "left", "lot", "middle", "name", "number", "one", "other", "pair", "part", "photo", "photograph", "picture",
    "piece", "right", "set", "side", "something", "style", "text", "time", "top", "type", "view", "way", "white",
))  # fmt: skip
MIN_ROWS_OF_NAME = 3
# A later name of a subject is wider if it follows this often, in these shares of the lists, and is the commoner one.
_MIN_FOLLOWS, _MIN_FOLLOWS_SHARE = 2, 0.6
_LONGEST_NAME = 4
_WORD = re.compile(r"[a-z0-9]+(?:'s)?")
_QUOTED = re.compile(r"[“\"][^”\"]*[”\"]")


def singular(name: str) -> str:
    """Return a lowercase key that singular and plural share: "Christmas-trees" to "christmas tree"."""
    *first, last = name.lower().replace("-", " ").split() or [""]
    return " ".join([*first, _IRREGULAR.get(last, singularize(last))])


class NounHierarchy:
    """`names`: every noun that is known, in the singular: of nouns.tsv, of labels.tsv, and of three rows or more.

    `described`: for each described image its names in the singular, those of its subject apart.
    """

    def __init__(self, subjects: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> None:
        self._parents: defaultdict[str, set[str]] = defaultdict(set)
        for noun, *wider in _tables():
            self._parents[noun].update(wider)
        rows = zip(subjects, others, strict=True)
        counts = Counter(name for one, two in rows for name in {*one, *two})
        self.names = frozenset(self._parents) | {n for n, count in counts.items() if count >= MIN_ROWS_OF_NAME}
        for noun, wider_name in _wider_in_lists(subjects):
            self._parents[noun].add(wider_name)
        self._known: dict[str, frozenset[str]] = {}

    def with_wider(self, noun: str) -> frozenset[str]:
        """Return the noun and all wider ones, without those that say nothing; synonyms are wider than each other."""
        if noun not in self._known:
            self._known[noun] = frozenset(self._climb(noun) - _EMPTY)
        return self._known[noun]

    def mentions(self, sentence: str) -> list[str]:
        """Return the known nouns of a sentence, the longest at each place; quotations are text to read, no things."""
        words = _WORD.findall(_QUOTED.sub("", sentence).lower().replace("-", " "))
        found, at = [], 0
        while at < len(words):
            lengths = range(min(_LONGEST_NAME, len(words) - at), 0, -1)
            candidates = ((length, singular(" ".join(words[at : at + length]))) for length in lengths)
            length, name = next((c for c in candidates if c[1] in self.names), (1, ""))
            found += [name] if name else []
            at += length
        return found

    def _climb(self, noun: str) -> set[str]:
        reached = last = {noun}
        while last:
            last = {wider for name in last for wider in self._one_step(name)} - reached
            reached = reached | last
        return reached

    def _one_step(self, noun: str) -> Iterator[str]:
        yield from (wider for wider in self._parents.get(noun, ()) if wider and wider not in _GROUPS)
        words = noun.split()
        tails = (" ".join(words[at:]) for at in range(1, len(words)))
        tail = next((tail for tail in tails if tail in self.names), "")
        if tail and tail not in _GROUPS:
            yield tail


def _tables() -> Iterator[tuple[str, str, str]]:
    """Yield noun, kind and parent, in lower case."""
    for file, column in ((NOUNS_FILE, "noun"), (LABELS_FILE, "name")):
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                yield row[column].lower(), row["kind"].lower(), row["parent"].lower()


def _wider_in_lists(subjects: Iterable[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield (noun, wider noun): subjects are listed from the narrowest name to the widest."""
    lists = list(subjects)
    counts = Counter(name for names in lists for name in names)
    follows = Counter(pair for names in lists for pair in combinations(names, 2))
    for (noun, later), count in follows.items():
        is_regular = count >= _MIN_FOLLOWS and count >= _MIN_FOLLOWS_SHARE * counts[noun]
        if is_regular and counts[later] > counts[noun]:
            yield noun, later
