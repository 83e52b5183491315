"""A sentence's nouns (nouns.tsv), and the words by which a caption calls what a label means (label_names.tsv).

No tagger: a table, some adjectives and the order of words tell enough of the captions' small English.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from workers.english.grammar import singular
from workers.english.labels import Label

NOUNS_FILE = Path(__file__).with_name("nouns.tsv")
LABEL_NAMES_FILE = Path(__file__).with_name("label_names.tsv")

ARTICLES = frozenset(("a", "an", "the"))
COLOURS = frozenset((
    "beige", "black", "blond", "blonde", "blue", "brown", "cream", "gold", "golden", "gray", "green", "grey", "khaki",
    "lavender", "magenta", "maroon", "multicolored", "navy", "olive", "orange", "pink", "purple", "red", "silver",
    "tan", "teal", "turquoise", "violet", "white", "yellow",
))  # fmt: skip
ADJECTIVES = COLOURS | frozenset((
    "adult", "baby", "big", "cold", "colored", "colorful", "colourful", "covered", "curly", "cute", "dark", "dirty",
    "dry", "eared", "fat", "female", "floppy", "fluffy", "furry", "grassy", "haired", "hot", "huge", "inflatable",
    "large", "legged", "light", "little", "long", "male", "medium", "metal", "old", "open", "painted", "plain",
    "plastic", "ripe", "rusty", "shaggy", "shiny", "short", "sleeping", "sliced", "small", "snowy", "spotted", "steel",
    "stone", "striped", "stuffed", "tall", "tiny", "vintage", "wet", "wild", "wood", "wooden", "young",
))  # fmt: skip
_BEFORE_VERB = frozenset(("to", "who", "that", "which", "he", "she", "it", "they", "then", "also"))
_IRREGULAR = {
    "calves": "calf", "children": "child", "feet": "foot", "geese": "goose", "glasses": "glass", "knives": "knife",
    "leaves": "leaf", "loaves": "loaf", "men": "man", "mice": "mouse", "oxen": "ox", "people": "person",
    "scarves": "scarf", "shelves": "shelf", "teeth": "tooth", "wolves": "wolf", "women": "woman",
}  # fmt: skip
_TOKEN = re.compile(r"([a-z0-9]+)(['\u2019]s\b|['\u2019](?!\w))?", re.IGNORECASE | re.ASCII)
_STOP = re.compile(r"[,.;:!?()]")
# Not what a sentence is about where "of" follows: a bowl of soup, a couple of dogs, the top of a car.
_ASIDE_BEFORE_OF = frozenset(("clothing", "container", "household", "person"))

Role = Literal["head", "modifier", "owner"]


@dataclass(frozen=True, slots=True)
class Noun:
    """`text` is lower case, its words parted by blanks: "t shirt"."""

    text: str
    kind: str
    parent: str
    also_verb: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is lower case, without a possessive's ending; `apart`: punctuation stands before it."""

    text: str
    start: int
    end: int
    apart: bool
    possessive: bool


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens `first` to `last`. In "a dog's toy car" the car is the head, toy its modifier, the dog its owner."""

    noun: Noun
    first: int
    last: int
    plural: bool
    role: Role = "head"


@dataclass(frozen=True)
class Reading:
    text: str
    tokens: Sequence[Token]
    mentions: Sequence[Mention]

    @cached_property
    def things(self) -> list[Mention]:
        """What the sentence shows, its subject first: soup in "a bowl of soup", the dog in "a dog's face"."""
        return [mention for mention in self.mentions if mention.role != "modifier" and not self._is_aside(mention)]

    def _is_aside(self, mention: Mention) -> bool:
        after = self.tokens[mention.last + 1].text if mention.last + 1 < len(self.tokens) else ""
        return mention.noun.kind in {"group", "part"} or (after == "of" and mention.noun.kind in _ASIDE_BEFORE_OF)

    def article_of(self, mention: Mention) -> int | None:
        """The number of the token "a", "an" or "the", where only adjectives stand between it and the noun."""
        for place in range(mention.first - 1, -1, -1):
            token = self.tokens[place]
            if self.tokens[place + 1].apart:
                return None
            if token.text in ARTICLES:
                return place
            if not (_describes(token) or _joins_colours(self.tokens, place)):
                return None
        return None


@dataclass(frozen=True, slots=True)
class Words:
    """`same` stand for the label as they are; of `wider` ones the label is a narrower reading. All as `Noun.text`."""

    same: frozenset[str] = frozenset()
    wider: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.same | self.wider


def read_nouns(path: Path = NOUNS_FILE) -> list[Noun]:
    return [Noun(_plain(row["noun"]), row["kind"], row["parent"], "verb" in row["said_as"]) for row in _rows(path)]


def read_label_names(path: Path = LABEL_NAMES_FILE) -> dict[str, Words]:
    """By a label's name, "parent:dog" or "kind:animal"."""
    names: dict[str, Words] = {}
    for row in _rows(path):
        words = names.get(row["label"], Words())
        names[row["label"]] = replace(words, **{row["how"]: frozenset(map(_plain, row["words"].split("; ")))})
    return names


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


class Lexicon:
    """Every noun that a sentence may use or a label be called by."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self._names = read_label_names()
        self._nouns = {noun.text: noun for noun in read_nouns()}
        self._people = frozenset(noun.text for noun in self._nouns.values() if noun.kind == "person")
        broad = {word for key, words in self._names.items() if key.startswith("kind:") for word in words.all}
        self._of_labels = {word for label in labels for word in self.words_of(label).all} - broad
        for label in labels:
            for text in sorted(self.words_of(label).all):
                self._nouns.setdefault(text, Noun(text, label.kind, label.parent))
        self._longest = max(text.count(" ") + 1 for text in self._nouns)

    def words_of(self, label: Label) -> Words:
        if label.kind == "person":
            return Words(self._people)
        found = [self._names.get(key, Words()) for key in (label.name, f"parent:{label.parent}", f"kind:{label.kind}")]
        same = frozenset((_plain(label.name),)).union(*(words.same for words in found))
        wider = frozenset((label.wider_word,)).union(*(words.wider for words in found))
        return Words(same, wider - same - {""})

    def is_label(self, noun: Noun) -> bool:
        """Whether the net could have seen it: it knows no giraffe."""
        return noun.text in self._of_labels

    def read(self, sentence: str) -> Reading:
        tokens = _tokens(sentence)
        found: list[Mention] = []
        place = 0
        while place < len(tokens):
            mention = self._mention_at(tokens, place)
            if mention is None or _is_verb(tokens, mention, found):
                place += 1
            else:
                found.append(mention)
                place = mention.last + 1
        return Reading(sentence, tokens, _with_roles(tokens, found))

    def _mention_at(self, tokens: Sequence[Token], place: int) -> Mention | None:
        """The longest noun that begins here: a hot dog is no dog."""
        for size in range(min(self._longest, len(tokens) - place), 0, -1):
            *stem, last = tokens[place : place + size]
            if any(token.apart for token in tokens[place + 1 : place + size]):
                continue
            for form in _forms(last.text):
                noun = self._nouns.get(" ".join([*(token.text for token in stem), form]))
                # Nobody is in the picture of "a men's shirt".
                if noun and not (last.possessive and noun.kind == "person" and form != last.text):
                    return Mention(noun, place, place + size - 1, form != last.text)
        return None


def _plain(text: str) -> str:
    return " ".join(token.text for token in _tokens(text))


def _tokens(sentence: str) -> list[Token]:
    tokens: list[Token] = []
    for match in _TOKEN.finditer(sentence):
        if match[0] == "s" and tokens:
            # The captions that the decoder learnt from have "a man s face".
            tokens[-1] = replace(tokens[-1], end=match.end(), possessive=True)
            continue
        apart = bool(tokens and _STOP.search(sentence, tokens[-1].end, match.start()))
        tokens.append(Token(match[1].lower(), match.start(), match.end(), apart, match[2] is not None))
    return tokens


def _forms(word: str) -> Iterator[str]:
    """The word itself first: glasses are no glass where both are nouns."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    yield singular(word)
    for ending in ("s", "es"):
        if word.endswith(ending):
            yield word.removesuffix(ending)


def _is_verb(tokens: Sequence[Token], mention: Mention, found: Sequence[Mention]) -> bool:
    """ "People watch", "a dog jumps", "a boy sits and fishes"."""
    if not mention.noun.also_verb or mention.first == 0 or tokens[mention.first].apart:
        return False
    before = tokens[mention.first - 1]
    last = found[-1] if found else None
    if before.text == "and":
        return last is None or last.last != mention.first - 2
    if last is None or last.last != mention.first - 1 or before.possessive:
        return before.text in _BEFORE_VERB or before.text.endswith("ly")
    return last.noun.kind in {"person", "animal"} or last.plural != mention.plural


def _with_roles(tokens: Sequence[Token], found: Sequence[Mention]) -> list[Mention]:
    begins = {mention.first for mention in found}
    mentions = []
    for mention in found:
        place = mention.last + 1
        while place < len(tokens) and not tokens[place].apart and place not in begins:
            if not (_describes(tokens[place]) or _joins_colours(tokens, place)):
                break
            place += 1
        role: Role = "modifier" if place in begins and not tokens[place].apart else "head"
        mentions.append(replace(mention, role="owner" if tokens[mention.last].possessive else role))
    return mentions


def _describes(token: Token) -> bool:
    return token.text in ADJECTIVES or (token.possessive and token.text in _IRREGULAR)


def _joins_colours(tokens: Sequence[Token], place: int) -> bool:
    around = [token.text for token in tokens[max(place - 1, 0) : place + 2]]
    return len(around) == 3 and around[1] == "and" and {around[0], around[2]} <= COLOURS
